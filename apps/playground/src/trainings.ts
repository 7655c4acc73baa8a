/** The trainings of the page: a worker for each model, what they have told, and what was asked of them. */
import type {
  EngineName,
  EvaluationPoint,
  FromWorker,
  Inspection,
  Question,
  RunSource,
  Started,
  StepPoint,
  ToWorker,
} from './messages.js';

/** How one model stands. */
export interface Training {
  readonly status: 'starting' | 'training' | 'resting' | 'done' | 'failed';
  readonly started?: Started | undefined;
  readonly steps: readonly StepPoint[];
  readonly evaluations: readonly EvaluationPoint[];
  readonly inspection?: Inspection | undefined;
  /** What went wrong. */
  readonly fault?: string | undefined;
}

export interface Trainings {
  readonly all: readonly Training[];
  readonly running: boolean;
  /** Begins anew with these, in order. */
  start(sources: readonly RunSource[], engine: EngineName, running: boolean): void;
  go(running: boolean): void;
  step(): void;
  /** Asks all models, now and as they learn. */
  inspect(question: Question): void;
  /** Weights of one as a safetensors file. @throws Error where it fails or is begun anew first. */
  exportWeights(index: number): Promise<Uint8Array>;
}

const NEW: Training = { status: 'starting', steps: [], evaluations: [] };
/** While it trains a model is asked again, so often at most. */
const INSPECT_EVERY_MS = 600;
/** Points kept of a curve: a long one keeps every second of them, then every fourth. */
const MOST_POINTS = 800;

/** @param onChange - called after each message; the page draws when it may. */
export function createTrainings(createWorker: () => Worker, onChange: () => void): Trainings {
  const workers: Worker[] = [];
  let all: Training[] = [];
  let run = 0;
  let running = false;
  let current: EngineName | undefined;
  let question: Question | undefined;
  let asked: number[] = [];
  let nextId = 0;
  const waiting = new Map<number, { resolve(file: Uint8Array): void; reject(error: Error): void }>();

  const send = (index: number, message: ToWorker) => workers[index]?.postMessage(message);
  const change = (index: number, part: Partial<Training>) => {
    all = all.map((one, at) => (at === index ? { ...one, ...part } : one));
    onChange();
  };
  const ask = (index: number) => {
    if (!question) return;
    asked[index] = performance.now();
    nextId += 1;
    send(index, { kind: 'inspect', id: nextId, question });
  };

  function hear(index: number, message: FromWorker): void {
    const training = all[index];
    if (message.run !== run || !training) return;
    switch (message.kind) {
      case 'started': {
        const { kind: _, run: __, ...started } = message;
        change(index, { started, status: running ? 'training' : 'resting' });
        ask(index);
        return;
      }
      case 'steps':
        change(index, {
          steps: thinned([...training.steps, ...message.steps]),
          ...(running && { status: 'training' }),
        });
        if (performance.now() - (asked[index] ?? 0) > INSPECT_EVERY_MS) ask(index);
        return;
      case 'evaluated':
        change(index, { evaluations: [...training.evaluations, message.evaluation] });
        return;
      case 'rests':
        change(index, { status: message.done ? 'done' : 'resting' });
        ask(index);
        return;
      case 'inspected':
        change(index, { inspection: message.inspection });
        return;
      case 'exported':
        waiting.get(message.id)?.resolve(message.file);
        waiting.delete(message.id);
        return;
      case 'failed':
        change(index, { status: 'failed', fault: message.message });
    }
  }

  return {
    get all() {
      return all;
    },
    get running() {
      return running;
    },
    start(sources, engine, begin) {
      run += 1;
      running = begin;
      all = sources.map(() => NEW);
      asked = [];
      for (const { reject } of waiting.values()) reject(new Error('The training was begun anew.'));
      waiting.clear();
      // A worker has one engine for good.
      for (const worker of workers.splice(engine === current ? sources.length : 0)) worker.terminate();
      current = engine;
      sources.forEach((source, index) => {
        let worker = workers[index];
        if (!worker) {
          worker = createWorker();
          worker.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(index, data);
          worker.onerror = (event) => {
            event.preventDefault();
            change(index, { status: 'failed', fault: event.message || 'The worker could not be loaded.' });
          };
          workers[index] = worker;
        }
        send(index, { kind: 'start', run, source, engine, running: begin });
      });
      onChange();
    },
    go(next) {
      running = next;
      workers.forEach((_, index) => {
        send(index, { kind: 'go', running: next });
        if (next && all[index]?.status === 'resting') change(index, { status: 'training' });
      });
      onChange();
    },
    step() {
      running = false;
      workers.forEach((_, index) => {
        send(index, { kind: 'step' });
      });
      onChange();
    },
    inspect(next) {
      question = next;
      workers.forEach((_, index) => {
        ask(index);
      });
    },
    exportWeights(index) {
      nextId += 1;
      const id = nextId;
      send(index, { kind: 'export', id });
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    },
  };
}

/** Every second point of a curve that has too many, its last among them. */
function thinned(steps: StepPoint[]): StepPoint[] {
  if (steps.length <= MOST_POINTS) return steps;
  return steps.filter((_, index) => (steps.length - 1 - index) % 2 === 0);
}
