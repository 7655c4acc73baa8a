/**
 * What all copies of core in a process share.
 *
 * Two copies are common: one inside a plugin's own node_modules, one beside a linked plugin, one of a command installed
 * elsewhere. TensorFlow.js keeps its engine and its registries on the global object, so their tensors and kernels are
 * common; whatever of ours goes with the engine is kept there too. What only its own copy asks for (compiled programs,
 * constants, masks) stays in modules.
 */
import type { Engine } from './engines/engine.js';
import type { WasmBinding } from './engines/wasm/kernel.js';
import { EngineError } from './errors.js';

/** Raised with every change of the state below, or of what its objects can do. */
const FORMAT = 1;
const KEY = Symbol.for('@mixerzoo/core');

export interface ProcessState {
  readonly format: number;
  /** The module of the copy that was first. */
  readonly owner: string;
  engine: Engine | undefined;
  /** The engine that is being started, for those who ask meanwhile. */
  starting: Promise<Engine> | undefined;
  /** @internal The heap that kernels of the wasm engine work on. */
  wasm: WasmBinding | undefined;
  /** Devices of the webgpu engine whose subgroups were found to be as kernels take them. */
  readonly subgroupDevices: WeakSet<object>;
  /** Tensors of the webgpu engine on the host that hold zeros alone, by the id of their data. */
  readonly zeros: WeakSet<object>;
  /** Inside `withReferenceForms`. */
  referenceFormsOnly: boolean;
  /** Whether it was said that ops run without an engine. */
  saidNoEngine: boolean;
}

/**
 * The state of this process.
 * @throws EngineError if another version of core made it that this one does not agree with.
 */
export function processState(): ProcessState {
  const shared = globalThis as { [KEY]?: ProcessState };
  shared[KEY] ??= {
    format: FORMAT,
    owner: import.meta.url,
    engine: undefined,
    starting: undefined,
    wasm: undefined,
    subgroupDevices: new WeakSet(),
    zeros: new WeakSet(),
    referenceFormsOnly: false,
    saidNoEngine: false,
  };
  const state = shared[KEY];
  if (state.format === FORMAT) return state;
  throw new EngineError(
    `@mixerzoo/core: expected copies in one process to agree, got ${describeCopy(state.owner)} and ${describeCopy(import.meta.url)}. ` +
      'Install one version: bring all packages to the same, then run `npm dedupe`; a package of mixers has core among its peerDependencies.',
  );
}

/** `0.2.0 (file:///…/dist/process-state.js)`; without the version where there are no files. */
function describeCopy(url: string): string {
  try {
    const manifest = process.getBuiltinModule('node:fs').readFileSync(new URL('../package.json', url), 'utf8');
    return `${(JSON.parse(manifest) as { version: string }).version} (${url})`;
  } catch {
    return url;
  }
}
