/**
 * The engines behind TensorFlow.js. A process uses one: TensorFlow.js keeps process-wide state. An engine changes
 * speed, never results.
 */
import { EngineError, UnknownNameError } from '../errors.js';
import * as tf from '../tf.js';
import { repairStockGradients } from './stock-gradients.js';
import { openTensorflowEngine } from './tensorflow.js';
import { hasNvidiaDriver } from './tensorflow-bindings.js';
import { openWasmEngine } from './wasm.js';
import { openWebgpuEngine } from './webgpu.js';

export type EngineName = 'wasm' | 'webgpu' | 'tensorflow' | 'cpu';
export type EngineChoice = EngineName | 'auto';

/** An engine in use. */
export interface Engine {
  readonly name: EngineName;
  /** One line for reports: what it runs on. */
  readonly description: string;
  /** Facts worth recording with a result: versions, adapter, instruction sets. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** What `mixerzoo doctor` says of an engine. */
export interface EngineDiagnosis {
  readonly name: EngineName;
  readonly available: boolean;
  /** What it runs on, or why it is not there and how to get it. */
  readonly message: string;
}

/** Options of {@link useEngine}. */
export interface EngineOptions {
  /**
   * Threads of one run on the wasm engine, Node only; results are the same for any number. Default: the environment's
   * `MIXERZOO_THREADS`, else 1, since sweeps use the cores for runs of their own.
   */
  readonly threads?: number;
}

const ENGINES: Record<EngineName, (options?: EngineOptions) => Promise<Engine>> = {
  tensorflow: openTensorflowEngine,
  webgpu: openWebgpuEngine,
  wasm: openWasmEngine,
  cpu: async () => {
    await tf.setBackend('cpu');
    return { name: 'cpu', description: 'plain JavaScript, the slow yardstick', details: {} };
  },
};

export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[];

let current: Engine | undefined;

/**
 * Starts the engine of this process; `auto` is `tensorflow` on a machine with an NVIDIA GPU where it loads, the embedded
 * engine elsewhere. Asking again for the one in use, or for `auto`, returns it.
 *
 * @param choice - default: the environment's `MIXERZOO_ENGINE`, else `auto`.
 * @throws UnknownNameError, and EngineError if the engine is not there (the message says how to get it) or another
 *   is in use.
 */
export async function useEngine(
  choice: EngineChoice = engineFromEnvironment(),
  options: EngineOptions = {},
): Promise<Engine> {
  if (choice !== 'auto' && !Object.hasOwn(ENGINES, choice)) {
    throw new UnknownNameError('engine', choice, ['auto', ...ENGINE_NAMES]);
  }
  if (current) {
    if (choice === 'auto' || choice === current.name) return current;
    throw new EngineError(
      `useEngine: expected one engine per process, got '${choice}' while '${current.name}' is in use. Start another process for it.`,
    );
  }
  repairStockGradients();
  if (choice === 'auto' && hasNvidiaDriver()) {
    // Without a working binding for it, the embedded engine; `doctor` says why.
    current = await ENGINES.tensorflow(options).catch(() => undefined);
  }
  current ??= await ENGINES[choice === 'auto' ? 'wasm' : choice](options);
  return current;
}

/**
 * The engine in use.
 * @throws EngineError if there is none yet.
 */
export function currentEngine(): Engine {
  if (!current) throw new EngineError('currentEngine: no engine is in use yet. Call `await useEngine()` first.');
  return current;
}

/** Tries every engine in turn. It leaves the process without a usable one: for `doctor` and `list`, not for training. */
export async function diagnoseEngines(): Promise<EngineDiagnosis[]> {
  const found: EngineDiagnosis[] = [];
  for (const name of ENGINE_NAMES) {
    try {
      found.push({ name, available: true, message: (await ENGINES[name]()).description });
    } catch (error) {
      found.push({ name, available: false, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return found;
}

function engineFromEnvironment(): EngineChoice {
  const value = typeof process === 'undefined' ? undefined : process.env['MIXERZOO_ENGINE'];
  return value ? (value as EngineChoice) : 'auto';
}
