/**
 * Kernels of the wasm engine: WebAssembly modules of our own that work on the heap of the TensorFlow.js backend.
 *
 * A kernel is written in AssemblyScript (`kernel.as.ts`), compiled by `mixerzoo-kernels` to a generated module that
 * holds two builds of the same code (plain SIMD, and SIMD with relaxed fused multiply-add), and imports nothing but
 * the memory. It receives byte offsets of tensors, never copies.
 *
 * Two rules keep kernels safe: typed-array views are taken after every allocation (growing the memory detaches
 * them; offsets stay valid), and a kernel writes every element of its outputs (they come uninitialised).
 */
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { TensorOf } from '../../dims.js';
import { EngineError } from '../../errors.js';
import type { NamedTensors, OpAttrs } from '../../ops/op-types.js';
import { processState } from '../../process-state.js';
import * as tf from '../../tf.js';
import { MOST_ARGS, type SharedKernelModule, type WasmThreads } from './threads.js';

/** The compiled code of one `kernel.as.ts`, base64. */
export interface WasmCode {
  /** WebAssembly with 128-bit SIMD. */
  readonly simd: string;
  /** The same with relaxed SIMD: fused multiply-add. */
  readonly relaxed: string;
}

/** A fast kernel of an op on the wasm engine. */
export interface WasmKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors> {
  readonly code: WasmCode;
  /** Allocates outputs, calls the module's functions, returns the outputs. */
  run(wasm: WasmCall, inputs: I, attrs: A): O;
}

/** What a kernel's `run` works with. Scratch memory is freed when it returns. */
export interface WasmCall {
  /** Byte offset of a tensor's elements. */
  pointer(tensor: tf.Tensor): number;
  /** A new tensor, not zeroed. */
  output<const S extends readonly number[]>(shape: S, dtype?: 'float32' | 'int32'): TensorOf<S>;
  /** Byte offset of temporary memory, 16-byte aligned, not zeroed. */
  scratch(bytes: number): number;
  /** Threads that `parallel` divides over: a hint for the size of units, never for what is computed. */
  readonly threads: number;
  /** Calls an exported function of the kernel's module. */
  call(name: string, ...args: number[]): number;
  /**
   * Calls `name(...args, start, end)` so that [0, units) is covered once. Units are independent pieces of work
   * (rows, heads) of about equal cost; the result must not depend on how they are divided.
   */
  parallel(name: string, units: number, ...args: number[]): void;
}

type Exports = Record<string, (...args: number[]) => number>;

/** @internal The part of the Emscripten module that kernels rely on. */
export interface WasmHeap {
  readonly asm: { readonly memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(offset: number): void;
}

/** A module in use: its functions here, and its name among threads, if there are any. */
interface Instance {
  readonly exports: Exports;
  readonly shared: SharedKernelModule | undefined;
}

/** @internal What kernels of all copies of core run on. */
export interface WasmBinding {
  readonly heap: WasmHeap;
  readonly relaxedSimd: boolean;
  readonly threads: WasmThreads | undefined;
  readonly instances: Map<WasmCode, Instance>;
}

/** @internal Binds kernels to the heap of the backend in use. Called once by the wasm engine. */
export function bindWasmHeap(
  heap: WasmHeap,
  { relaxedSimd, threads }: { relaxedSimd: boolean; threads?: WasmThreads | undefined },
): void {
  processState().wasm = { heap, relaxedSimd, threads, instances: new Map() };
}

/** True where the wasm engine is open: not on a stock wasm backend, which copies what it saves for gradients. */
export function isWasmEngineOpen(): boolean {
  return processState().wasm !== undefined;
}

/** Runs a kernel of an op. Its inputs must live on the wasm backend. */
export function runWasmKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WasmKernel<I, A, O>,
  inputs: I,
  attrs: A,
): O {
  const { wasm } = processState();
  if (!wasm) throw new EngineError("wasm kernel: the wasm engine is not in use. Call useEngine('wasm') first.");
  const { _malloc, _free } = wasm.heap;
  const { threads } = wasm;
  const backend = tf.backend() as BackendWasm;
  const { exports, shared } = instantiate(wasm, kernel.code);
  const scratch: number[] = [];
  const find = (name: string) => {
    const found = exports[name];
    if (!found) throw new EngineError(`wasm kernel: no exported function '${name}'.`);
    return found;
  };
  const call: WasmCall = {
    pointer: (tensor) => backend.dataIdMap.get(tensor.dataId).memoryOffset,
    output: (shape: readonly number[], dtype: 'float32' | 'int32' = 'float32') =>
      tf.engine().makeTensorFromTensorInfo(backend.makeOutput([...shape], dtype)) as never,
    scratch(bytes) {
      const offset = _malloc(bytes + 16) >>> 0;
      scratch.push(offset);
      return (offset + 15) & ~15;
    },
    threads: threads?.count ?? 1,
    call: (name, ...args) => find(name)(...args),
    parallel(name, units, ...args) {
      if (threads && shared) threads.parallel(shared, name, find(name), units, args);
      else if (units > 0) find(name)(...args, 0, units);
    },
  };
  try {
    return kernel.run(call, inputs, attrs);
  } finally {
    for (const offset of scratch) _free(offset);
  }
}

function instantiate({ heap, relaxedSimd, threads, instances }: WasmBinding, code: WasmCode): Instance {
  let instance = instances.get(code);
  if (!instance) {
    const { memory } = heap.asm;
    const bytes = Uint8Array.from(atob(relaxedSimd ? code.relaxed : code.simd), (c) => c.charCodeAt(0));
    if (!isShared(memory)) importUnsharedMemory(bytes);
    const module = new WebAssembly.Module(bytes);
    const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
    assertFewArguments(exports);
    instance = { exports, shared: threads?.share(module) };
    instances.set(code, instance);
  }
  return instance;
}

/** With or without threads, so that a kernel that would fail on them fails its tests everywhere. */
function assertFewArguments(exports: Exports): void {
  const most = MOST_ARGS + 2; // start and end
  for (const [name, { length }] of Object.entries(exports)) {
    if (length > most) {
      throw new EngineError(
        `wasm kernel: expected at most ${most} arguments of '${name}', got ${length}. Pass a pointer to a block of them.`,
      );
    }
  }
}

/** Pages that are not cross-origin isolated have no SharedArrayBuffer at all. */
function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
}

/**
 * Kernels are compiled for a shared memory. They use no atomics, so the flag in the import of the memory is all that
 * differs from a build for an unshared one: 3 (shared, with a maximum) becomes 1 (with a maximum).
 */
function importUnsharedMemory(bytes: Uint8Array): void {
  const memoryImport = [6, ...new TextEncoder().encode('memory'), 2, 3];
  const at = bytes.findIndex((_, index) => memoryImport.every((byte, offset) => bytes[index + offset] === byte));
  if (at < 0)
    throw new EngineError(
      'wasm kernel: expected an import of a shared memory, got none. Rebuild with mixerzoo-kernels.',
    );
  bytes[at + memoryImport.length - 1] = 1;
}
