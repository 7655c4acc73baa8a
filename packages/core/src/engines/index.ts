/**
 * The engines behind TensorFlow.js. A process uses one: TensorFlow.js keeps process-wide state. An engine changes
 * speed, never results.
 */
import { hasNvidiaDriver, openTensorflowEngine } from '#tensorflow-engine';
import { EngineError, isZooError, UnknownNameError } from '../errors.js';
import { processState } from '../process-state.js';
import { openCpuEngine } from './cpu/index.js';
import type { Engine, EngineChoice, EngineDiagnosis, EngineName, EngineOptions } from './engine.js';
import { repairStockGradients } from './stock-gradients.js';
import { openWasmEngine } from './wasm/index.js';
import { openWebgpuEngine } from './webgpu/index.js';

export type { Engine, EngineChoice, EngineDiagnosis, EngineName, EngineOptions } from './engine.js';

const ENGINES: Record<EngineName, (options?: EngineOptions) => Promise<Engine>> = {
  tensorflow: openTensorflowEngine,
  webgpu: openWebgpuEngine,
  wasm: openWasmEngine,
  cpu: openCpuEngine,
};

export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[];

/** What can be asked for. */
export const ENGINE_CHOICES: readonly EngineChoice[] = ['auto', ...ENGINE_NAMES];

/**
 * Starts the engine of this process; `auto` is `tensorflow` on a machine with an NVIDIA GPU where it loads, the embedded
 * engine elsewhere, which then says what did not load (`passedOver`). Asking again for the one in use, or for `auto`, returns it, whatever the options.
 *
 * @param asked - default: the environment's `MIXERZOO_ENGINE`, else `auto`.
 * @throws UnknownNameError, which names the variable where it is to blame, and EngineError if the engine is not there (the
 *   message says how to get it) or another is in use.
 */
export async function useEngine(asked?: EngineChoice, options: EngineOptions = {}): Promise<Engine> {
  const choice = asked ?? engineOfEnvironment() ?? 'auto';
  if (!isEngineChoice(choice)) throw new UnknownNameError('engine', choice, ENGINE_CHOICES);
  const state = processState();
  await state.starting?.catch(() => undefined); // its own caller hears of a failure
  const engine = state.engine ?? (await startOnce(choice, options));
  if (choice === 'auto' || choice === engine.name) return engine;
  throw new EngineError(
    `useEngine: expected one engine per process, got '${choice}' while '${engine.name}' is in use. Start another process for it.`,
  );
}

function startOnce(choice: EngineChoice, options: EngineOptions): Promise<Engine> {
  const state = processState();
  state.starting ??= start(choice, options)
    .then((engine) => {
      state.engine = engine;
      return engine;
    })
    .finally(() => {
      state.starting = undefined;
    });
  return state.starting;
}

async function start(choice: EngineChoice, options: EngineOptions): Promise<Engine> {
  repairStockGradients();
  if (choice !== 'auto') return ENGINES[choice](options);
  if (!hasNvidiaDriver()) return ENGINES.wasm(options);
  try {
    return await ENGINES.tensorflow(options);
  } catch (error) {
    if (!isZooError(error, 'engine')) throw error;
    return { ...(await ENGINES.wasm(options)), passedOver: error.message };
  }
}

/**
 * The engine in use.
 * @throws EngineError if there is none yet.
 */
export function currentEngine(): Engine {
  const { engine } = processState();
  if (!engine) throw new EngineError('currentEngine: no engine is in use yet. Call `await useEngine()` first.');
  return engine;
}

/** Tries every engine in turn. It leaves the process without a usable one: for `doctor` and `list`, not for training. */
export async function diagnoseEngines(): Promise<EngineDiagnosis[]> {
  const found: EngineDiagnosis[] = [];
  for (const name of ENGINE_NAMES) {
    try {
      const { description, withoutNative } = await ENGINES[name]();
      found.push({ name, available: true, message: description, ...(withoutNative ? { withoutNative } : {}) });
    } catch (error) {
      found.push({ name, available: false, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return found;
}

/**
 * What the environment's `MIXERZOO_ENGINE` asks for; undefined where it is not set.
 * @throws UnknownNameError, which names the variable, if there is no such engine.
 */
export function engineOfEnvironment(): EngineChoice | undefined {
  const asked = typeof process === 'undefined' ? undefined : process.env['MIXERZOO_ENGINE'];
  if (!asked) return undefined;
  if (isEngineChoice(asked)) return asked;
  const unknown = new UnknownNameError('engine', asked, ENGINE_CHOICES);
  unknown.message = `MIXERZOO_ENGINE: ${unknown.message}`;
  throw unknown;
}

const isEngineChoice = (value: string): value is EngineChoice => (ENGINE_CHOICES as readonly string[]).includes(value);
