/**
 * Who takes part in `bench:peers`, and how a contender is run: a process that makes training steps when it is told to. Node's side of
 * it is {@link serveContender}, PyTorch's `torch_step.py`.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  createTrainer,
  disposeTree,
  type EngineChoice,
  type Examples,
  flattenTree,
  foldIn,
  IGNORED_LABEL,
  useEngine,
} from '@mixerzoo/core';
import { LEARNING_RATE, planCase, type StepCase } from '../step-case.js';
import { createStockTraining, openStockWasm } from '../stock-cat.js';

/** Every parameter decays, as PyTorch's AdamW has it. */
const WEIGHT_DECAY = 0.1;
const PYTHON_SCRIPT = fileURLToPath(new URL('../../../../benchmarks/peers/torch_step.py', import.meta.url));
const MOST_EPOCHS = 1000;

/** What a contender answers to being told to go on: milliseconds and loss of each step. */
export interface Steps {
  readonly times: readonly number[];
  readonly losses: readonly number[];
}

/** Someone who can be timed. */
export interface Contender {
  readonly name: string;
  /** Makes its `steps` of a round. */
  round(): Promise<Steps>;
  stop(): void;
}

/** The step that all make, and how many of them in a round. */
export interface PeerCase extends StepCase {
  readonly steps: number;
}

/** What a process of ours is told. */
export interface NodeContender extends PeerCase {
  /** An engine of ours, or `stock`. */
  readonly engine: string;
}

/** Who might take part; `start` fails with the reason if they cannot. */
export interface Entrant {
  readonly name: string;
  start(one: PeerCase, threads: number): Promise<Contender>;
}

/** A process of ours. */
export function nodeEntrant(
  name: string,
  engine: string,
  { env = {}, steps }: { readonly env?: NodeJS.ProcessEnv; readonly steps?: number } = {},
): Entrant {
  return {
    name,
    async start(one, threads) {
      if (engine === 'stock' && one.mixer !== 'cat') throw new Error('its step is written for cat alone.');
      if (engine === 'stock' && threads > 1) throw new Error('its build for threads does not start in Node.');
      const told: NodeContender = { ...one, engine, steps: steps ?? one.steps };
      const child = fork(process.argv[1] as string, ['--contender', JSON.stringify(told)], {
        env: {
          ...process.env,
          MIXERZOO_THREADS: String(threads),
          TF_NUM_INTRAOP_THREADS: String(threads),
          TF_NUM_INTEROP_THREADS: '1',
          ...env,
        },
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      });
      const ask = asking<Steps>(child, name, (listen) => child.on('message', (answer) => listen(answer as Steps)));
      await ask(() => {});
      return { name, round: () => ask(() => child.send({})), stop: () => child.kill() };
    },
  };
}

/** PyTorch, as `python` has it. */
export function torchEntrant(
  name: string,
  {
    python,
    directory,
    env = {},
    ...options
  }: {
    readonly python: string;
    readonly directory: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly logits: 'query' | 'all';
    readonly compile: boolean;
    readonly fused: boolean;
  },
): Entrant {
  return {
    name,
    async start({ steps }, threads) {
      const child = spawn(python, [PYTHON_SCRIPT, directory, JSON.stringify(options)], {
        env: { ...process.env, OMP_NUM_THREADS: String(threads), ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      child.stdin.on('error', () => {}); // it has ended: said by `asking`
      const lines = createInterface({ input: child.stdout });
      const ask = asking<Steps>(child, name, (listen) => lines.on('line', (line) => listen(JSON.parse(line) as Steps)));
      const go = (count: number) => ask(() => child.stdin.write(`${JSON.stringify({ steps: count })}\n`));
      await go(0);
      return { name, round: () => go(steps), stop: () => child.kill() };
    },
  };
}

/** Questions to a process, one at a time; its end before the answer is an error with the last line it wrote. */
function asking<T>(child: ChildProcess, name: string, onAnswer: (listen: (answer: T) => void) => void) {
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors = (errors + String(chunk)).slice(-4000);
  });
  let waiting: { resolve(answer: T): void; reject(error: Error): void } | undefined;
  const end = (error: Error) => waiting?.reject(error);
  child.on('error', end);
  child.on('close', (code) => {
    const said = errors.trim().split('\n').at(-1) ?? '';
    end(new Error(`${name}: expected an answer, got exit code ${code}${said ? `: ${said}` : ''}.`));
  });
  onAnswer((answer) => waiting?.resolve(answer));
  return (question: () => void) =>
    new Promise<T>((resolve, reject) => {
      waiting = { resolve, reject };
      question();
    });
}

/** The batches that training takes first, and the parameters it starts from, as the trainer derives them. */
async function startOf(one: StepCase) {
  const { model, task } = await planCase(one);
  const epochSeed = foldIn(foldIn(0, 'train'), 0);
  const batch = (step: number): Examples =>
    task.generate({ split: 'train', seed: foldIn(epochSeed, step), count: one.batchSize });
  return { model, task, batch, params: () => model.init(foldIn(0, 'init')) };
}

/** Writes `step.json` and `step.bin` for processes that are not ours. */
export async function writeStep(directory: string, one: PeerCase): Promise<void> {
  const { batch, params } = await startOf(one);
  const parts: Buffer[] = [];
  let offset = 0;
  const put = (data: Float32Array | Int32Array, shape: readonly number[]) => {
    const entry = { shape, offset };
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
    return entry;
  };
  const tree = params();
  const entries: Record<string, object> = {};
  for (const [path, leaf] of flattenTree(tree)) entries[path] = put((await leaf.data()) as Float32Array, leaf.shape);
  disposeTree(tree);
  const batches = Array.from({ length: one.steps }, (_, step) => {
    const { inputs, labels, count, seqLen } = batch(step);
    const shape = [count, seqLen];
    return { inputs: put(Int32Array.from(inputs), shape), labels: put(Int32Array.from(labels), shape) };
  });
  const manifest = {
    params: entries,
    batches,
    ignoredLabel: IGNORED_LABEL,
    learningRate: LEARNING_RATE,
    weightDecay: WEIGHT_DECAY,
  };
  await mkdir(directory, { recursive: true });
  await writeFile(`${directory}/step.json`, JSON.stringify(manifest));
  await writeFile(`${directory}/step.bin`, Buffer.concat(parts));
}

/** The process of a contender of ours: a round for every message. */
export async function serveContender(told: NodeContender): Promise<void> {
  const round = told.engine === 'stock' ? await stockRounds(told) : await ourRounds(told);
  const answer = (steps: Steps) => void process.send?.(steps);
  process.on('message', async () => answer(await round()));
  process.on('disconnect', () => process.exit(0));
  answer({ times: [], losses: [] });
}

async function ourRounds(told: NodeContender): Promise<() => Promise<Steps>> {
  await useEngine(told.engine as EngineChoice);
  const { model, task } = await startOf(told);
  const trainer = await createTrainer({
    model,
    task,
    seed: 0,
    batchSize: told.batchSize,
    examplesPerEpoch: told.batchSize * told.steps,
    epochs: MOST_EPOCHS,
    freshExamples: true,
    optimizer: { learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY, decayed: 'all' },
    schedule: { name: 'constant' },
    validationExamples: 1,
  });
  return async () => {
    const [times, losses]: [number[], number[]] = [[], []];
    await trainer.runEpoch({
      onStep({ loss, seconds }) {
        times.push(1000 * seconds);
        losses.push(loss);
      },
    });
    return { times, losses };
  };
}

async function stockRounds(told: NodeContender): Promise<() => Promise<Steps>> {
  await openStockWasm();
  const { batch, params } = await startOf(told);
  const training = createStockTraining(params(), LEARNING_RATE);
  let done = 0;
  return async () => {
    const [times, losses]: [number[], number[]] = [[], []];
    for (let step = 0; step < told.steps; step += 1, done += 1) {
      const start = performance.now();
      losses.push(training.step(batch(done)));
      times.push(performance.now() - start);
    }
    return { times, losses };
  };
}
