/**
 * Who takes part in `bench:peers`: processes that open a case, say what its function gives, and repeat it when they are told to.
 * Node's side is `node-work.ts`, PyTorch's `torch_peer.py`. A process serves one cell: what an
 * allocator keeps of one would take the next one's memory.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { repositoryFile } from '../repository.js';
import type { Cell, PeerCase } from './cases.js';

const PYTHON_SCRIPT = fileURLToPath(repositoryFile('benchmarks/peers/torch_peer.py'));
/** Without it PyTorch returns the memory of large tensors to the system and faults it in again, every step. */
const TUNED_ALLOCATOR = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '17179869184' };
/** The longest that an answer may take; a compilation is in it. */
const PATIENCE_SECONDS = 300;

/** What a process is asked: to open a case, or to repeat it for so long. */
export type Question = { readonly open: PeerCase & TorchCase } | { readonly seconds: number };
/** What it answers. */
export interface Answer {
  readonly ready?: true;
  readonly error?: string;
  readonly check?: readonly number[];
  /** Which form of the mixer was the fastest of those it has. */
  readonly form?: string;
  readonly times?: readonly number[];
}

/** What PyTorch's process is told beside the case. */
export type TorchCase = {
  readonly file?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly logits?: 'query' | 'all';
  readonly compile?: boolean;
  readonly fused?: boolean;
};

/** Someone who takes part. */
export interface Contender {
  readonly name: string;
  /** `wasm` and `native` are ours, to whom the others are compared. */
  readonly role: 'wasm' | 'native' | 'peer';
  /** True if it takes part where only the fastest do. */
  readonly fastest: boolean;
  /** Why it does not take part in a cell; undefined if it does. */
  absence(cell: Cell): string | undefined;
  start(threads: number): ChildProcess;
  readonly told: TorchCase;
}

/** Everyone, in the order of the tables. */
export function contenders(python: string): readonly Contender[] {
  const node = (
    name: string,
    engine: string,
    {
      role = 'peer',
      env = {},
      absence = () => undefined,
    }: Partial<Pick<Contender, 'role' | 'absence'>> & { env?: NodeJS.ProcessEnv } = {},
  ): Contender => ({
    name,
    role,
    fastest: role !== 'peer',
    absence,
    told: {},
    start: (threads) =>
      fork(process.argv[1] as string, ['--contender', engine], {
        env: {
          ...process.env,
          MIXERZOO_THREADS: String(threads),
          TF_NUM_INTRAOP_THREADS: String(threads),
          TF_NUM_INTEROP_THREADS: '1',
          ...env,
        },
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      }),
  });
  const torch = (
    name: string,
    {
      logits = 'query',
      compile = false,
      tuned = false,
    }: { logits?: 'query' | 'all'; compile?: boolean; tuned?: boolean },
  ): Contender => ({
    name: `PyTorch, ${name}`,
    role: 'peer',
    fastest: tuned && logits === 'query',
    told: { logits, compile, fused: tuned },
    absence: ({ one }) =>
      logits === 'all' && one.kind !== 'step' ? 'the question is one of training steps.' : undefined,
    start: (threads) =>
      spawn(python, [PYTHON_SCRIPT], {
        env: {
          ...process.env,
          OMP_NUM_THREADS: String(threads),
          PYTHONDONTWRITEBYTECODE: '1',
          ...(tuned && TUNED_ALLOCATOR),
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
  });
  const oneThread =
    (reason: string): Contender['absence'] =>
    ({ threads }) =>
      threads > 1 ? reason : undefined;
  return [
    node('mixerzoo, wasm', 'wasm', { role: 'wasm', env: { MIXERZOO_NATIVE: '0' } }),
    node('mixerzoo, wasm with native kernels', 'wasm', { role: 'native', env: { MIXERZOO_NATIVE: '1' } }),
    node('mixerzoo, tensorflow', 'tensorflow'),
    torch('tuned', { tuned: true }),
    torch('tuned and compiled', { tuned: true, compile: true }),
    torch('tuned, logits everywhere', { tuned: true, logits: 'all' }),
    torch('as it comes', {}),
    torch('as it comes, logits everywhere', { logits: 'all' }),
    node('TensorFlow.js, wasm as npm installs it', 'stock', {
      absence: oneThread('its build for threads does not start in Node.'),
    }),
    node('jax-js, wasm', 'jax', { absence: oneThread('it has no threads.') }),
  ];
}

/** The processes that run, started when they are first asked for, one for a contender and a number of threads, until they are stopped. */
export function createProcesses() {
  const running = new Map<string, ReturnType<typeof asking>>();
  return {
    /** Asks; an error of its own, its end and an answer that does not come are errors, after the last two it is started anew. */
    async ask(contender: Contender, threads: number, question: Question): Promise<Answer> {
      const key = `${contender.name} ${threads}`;
      let process = running.get(key);
      if (!process) {
        process = asking(contender.start(threads), contender.name);
        running.set(key, process);
        const { ready } = process;
        await ready.catch((error: unknown) => {
          running.delete(key);
          throw error;
        });
      }
      try {
        const answer = await process.ask(question);
        if (answer.error === undefined) return answer;
        throw new Error(answer.error);
      } finally {
        if (process.ended()) running.delete(key);
      }
    },
    stop(): void {
      for (const { stop } of running.values()) stop();
      running.clear();
    },
  };
}

/** Questions to a process, one at a time, as messages if it is of Node, else as lines. */
function asking(child: ChildProcess, name: string) {
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors = (errors + String(chunk)).slice(-4000);
  });
  child.stdin?.on('error', () => {}); // it has ended: said below
  let over = false;
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  const end = (error: Error) => {
    over = true;
    waiting?.reject(error);
  };
  child.on('error', end);
  child.on('close', (code) => {
    const said = errors.trim().split('\n').at(-1) ?? '';
    end(new Error(`${name}: expected an answer, got exit code ${code}${said ? `: ${said}` : ''}.`));
  });
  const listen = (answer: Answer) => waiting?.resolve(answer);
  if (child.stdout && child.stdin) {
    createInterface({ input: child.stdout }).on('line', (line) => listen(JSON.parse(line) as Answer));
  } else {
    child.on('message', (answer) => listen(answer as Answer));
  }
  const expectAnswer = (question: () => void) =>
    new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`${name}: expected an answer within ${PATIENCE_SECONDS} s, got none.`));
      }, 1000 * PATIENCE_SECONDS);
      const settled = () => {
        clearTimeout(timer);
        waiting = undefined;
      };
      waiting = {
        resolve(answer) {
          settled();
          resolve(answer);
        },
        reject(error) {
          settled();
          reject(error);
        },
      };
      question();
    });
  const ready = child.stdin ? Promise.resolve({}) : expectAnswer(() => {});
  return {
    ready,
    ask: (question: Question) =>
      expectAnswer(() => {
        if (child.stdin) child.stdin.write(`${JSON.stringify(question)}\n`);
        else child.send(question);
      }),
    ended: () => over,
    stop: () => void child.kill(),
  };
}
