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
import { EngineError, formatSuggestion } from '../../errors.js';
import type { NamedTensors, OpAttrs } from '../../ops/op-types.js';
import { processState } from '../../process-state.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { assertWritten, type KernelMemory, poison, runPieces } from './checked-kernels.js';
import type { NativeKernels } from './native.js';
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
  /**
   * Calls an exported function of the kernel's module.
   * @throws EngineError for an unknown name, another number of arguments than it has, and a fault in it.
   */
  call(name: string, ...args: number[]): number;
  /**
   * Calls `name(...args, start, end)` so that [0, units) is covered once. Units are independent pieces of work
   * (rows, heads) of about equal cost; the result must not depend on how they are divided.
   * @throws EngineError as {@link WasmCall.call}.
   */
  parallel(name: string, units: number, ...args: number[]): void;
  /**
   * Offers work to the native kernels (`@mixerzoo/native`): all of a `run`, or a part that stands for itself. Addresses are byte
   * offsets as everywhere; outputs are allocated before.
   * @returns whether it was done; if not, go on in WebAssembly.
   * @throws EngineError for another number of arguments than the native kernel takes.
   */
  native(name: string, ...args: number[]): boolean;
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
  readonly native: NativeKernels | undefined;
  readonly instances: Map<WasmCode, Instance>;
  /** Whether calls are made as {@link checkKernels} says. */
  checked: boolean;
}

/** @internal Binds kernels to the heap of the backend in use. Called once by the wasm engine. */
export function bindWasmHeap(
  heap: WasmHeap,
  { relaxedSimd, threads, native, checked = false }: Partial<WasmBinding> & Pick<WasmBinding, 'relaxedSimd'>,
): void {
  processState().wasm = { heap, relaxedSimd, threads, native, checked, instances: new Map() };
}

/**
 * From now on kernels of the wasm engine, if it is in use, run on poisoned memory and always divided, as
 * `checked-kernels.ts` says: for tests. `MIXERZOO_CHECK_KERNELS=1` does it from the start.
 */
export function checkKernels(): void {
  const { wasm } = processState();
  if (wasm) wasm.checked = true;
}

/** True where the wasm engine is open: not on a stock wasm backend, which copies what it saves for gradients. */
export function isWasmEngineOpen(): boolean {
  return processState().wasm !== undefined;
}

/**
 * Runs a kernel of an op. Its inputs must live on the wasm backend.
 * @param where - the op's name, for messages.
 */
export function runWasmKernel<I extends NamedTensors, A extends OpAttrs, O extends NamedTensors>(
  kernel: WasmKernel<I, A, O>,
  inputs: I,
  attrs: A,
  where = 'wasm kernel',
): O {
  const { wasm } = processState();
  if (!wasm) throw new EngineError(`${where}: the wasm engine is not in use. Call useEngine('wasm') first.`);
  const { threads, native, checked } = wasm;
  const { _malloc, _free, asm } = wasm.heap;
  const backend = tf.backend() as BackendWasm;
  const { exports, shared } = instantiate(wasm, kernel.code, where);
  const scratch: number[] = [];
  const outputs: { readonly memory: KernelMemory; readonly tensor: tf.Tensor }[] = [];
  const allocated: KernelMemory[] = [];
  const poisoned = (memory: KernelMemory) => {
    poison(asm.memory, memory);
    allocated.push(memory);
    return memory;
  };
  const pointer = (tensor: tf.Tensor) => backend.dataIdMap.get(tensor.dataId).memoryOffset;
  /** The function of a name that takes these arguments. Left out they would be 0, and the numbers wrong in silence. */
  const find = (name: string, given: number, added = 0) => {
    const found = exports[name];
    if (!found) {
      const suggestion = formatSuggestion(name, Object.keys(exports));
      throw new EngineError(`${where}: expected a function that its kernel exports, got '${name}'.${suggestion}`);
    }
    if (found.length !== given + added) {
      const beside = added > 0 ? ' beside start and end' : '';
      throw new EngineError(
        `${where}: expected ${found.length - added} arguments of '${name}'${beside}, got ${given}. Pass them in the order of kernel.as.ts.`,
      );
    }
    return found;
  };
  const call: WasmCall = {
    pointer,
    output(shape: readonly number[], dtype: 'float32' | 'int32' = 'float32') {
      const tensor = tf.engine().makeTensorFromTensorInfo(backend.makeOutput([...shape], dtype));
      if (checked) {
        const name = `output ${outputs.length} ${formatShape(shape)}`;
        outputs.push({ memory: poisoned({ name, at: pointer(tensor), bytes: 4 * tensor.size }), tensor });
      }
      return tensor as never;
    },
    scratch(bytes) {
      const offset = _malloc(bytes + 16) >>> 0;
      const at = ((offset + 15) & ~15) >>> 0;
      if (checked) poisoned({ name: `scratch ${scratch.length} (${bytes} bytes)`, at, bytes });
      scratch.push(offset);
      return at;
    },
    threads: threads?.count ?? 1,
    call(name, ...args) {
      const run = find(name, args.length);
      return guarded(where, name, () => run(...args));
    },
    parallel(name, units, ...args) {
      const run = find(name, args.length, 2);
      if (!(Number.isInteger(units) && units >= 0)) {
        throw new EngineError(`${where}: expected a number of units of '${name}', got ${units}.`);
      }
      guarded(where, name, () => {
        if (threads && shared) threads.parallel(shared, name, run, units, args, checked);
        else if (units === 0) return;
        else if (!checked) run(...args, 0, units);
        else {
          const piece = (start: number, end: number) => void run(...args, start, end);
          runPieces(`${where}: ${name}`, asm.memory, allocated, { units, args, run: piece });
        }
      });
    },
    native: (name, ...args) => native !== undefined && guarded(where, name, () => native.run(name, args)),
  };
  try {
    const result = kernel.run(call, inputs, attrs);
    for (const { memory, tensor } of outputs) {
      if (tensor.dtype === 'float32') assertWritten(where, asm.memory, memory, tensor.shape);
    }
    return result;
  } finally {
    for (const offset of scratch) _free(offset);
  }
}

/** Runs a function of a kernel; a fault in it, or on a thread, names the kernel. */
function guarded<T>(where: string, name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof EngineError) {
      if (!error.message.startsWith(where)) error.message = `${where}: ${error.message}`;
      throw error;
    }
    throw new EngineError(
      `${where}: expected '${name}' to run, got ${String(error)}. The fault is in the kernel: an address or a size.`,
      { cause: error },
    );
  }
}

function instantiate({ heap, relaxedSimd, threads, instances }: WasmBinding, code: WasmCode, where: string): Instance {
  let instance = instances.get(code);
  if (!instance) {
    const { memory } = heap.asm;
    const bytes = Uint8Array.from(atob(relaxedSimd ? code.relaxed : code.simd), (c) => c.charCodeAt(0));
    if (!isShared(memory)) importUnsharedMemory(bytes, where);
    const module = new WebAssembly.Module(bytes);
    const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
    assertFewArguments(exports, where);
    instance = { exports, shared: threads?.share(module) };
    instances.set(code, instance);
  }
  return instance;
}

/** With or without threads, so that a kernel that would fail on them fails its tests everywhere. */
function assertFewArguments(exports: Exports, where: string): void {
  const most = MOST_ARGS + 2; // start and end
  for (const [name, { length }] of Object.entries(exports)) {
    if (length > most) {
      throw new EngineError(
        `${where}: expected at most ${most} arguments of '${name}', got ${length}. Pass a pointer to a block of them.`,
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
function importUnsharedMemory(bytes: Uint8Array, where: string): void {
  const memoryImport = [6, ...new TextEncoder().encode('memory'), 2, 3];
  const at = bytes.findIndex((_, index) => memoryImport.every((byte, offset) => bytes[index + offset] === byte));
  if (at < 0)
    throw new EngineError(
      `${where}: expected its kernel to import a shared memory, got none. Rebuild it with mixerzoo-kernels.`,
    );
  bytes[at + memoryImport.length - 1] = 1;
}
