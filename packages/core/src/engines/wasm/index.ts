/**
 * The embedded engine: TensorFlow.js on WebAssembly with kernels of our own. Always there: no download, no GPU.
 */
import { EngineError, OutOfMemoryError } from '../../errors.js';
import * as tf from '../../tf.js';
import type { Engine, EngineOptions } from '../engine.js';
import { bindWasmHeap, type WasmHeap } from './kernel.js';
import { openNativeKernels } from './native.js';
import { withSharedMemory } from './shared-memory.js';
import { replaceStockKernels } from './stock.js';
import { startWasmThreads } from './threads.js';

const MOST_THREADS = 64;
const SIMD_FILE = 'tfjs-backend-wasm-simd.wasm';
/** The backend's builds; it wants to be told of all, and takes the one for SIMD. */
const WASM_FILES = ['tfjs-backend-wasm.wasm', SIMD_FILE, 'tfjs-backend-wasm-threaded-simd.wasm'] as const;

/**
 * A module with one relaxed-SIMD instruction, `f32x4.relaxed_madd`: it validates where the runtime has them.
 * `(module (func (param v128 v128 v128) (result v128) local.get 0 local.get 1 local.get 2 f32x4.relaxed_madd))`
 */
const RELAXED_SIMD_PROBE = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x01, 0x60, 0x03, 0x7b, 0x7b, 0x7b, 0x01, 0x7b, 0x03,
  0x02, 0x01, 0x00, 0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfd, 0x85, 0x02, 0x0b,
]);

/**
 * Starts the wasm engine.
 * @throws EngineError if threads are asked for that cannot be had, or the backend under it does not start.
 */
export async function openWasmEngine(options: EngineOptions = {}): Promise<Engine> {
  const threads = parseThreads(options.threads ?? environment('MIXERZOO_THREADS'));
  const wasmUrl = typeof options.wasmUrl === 'object' ? options.wasmUrl.href : options.wasmUrl;
  const relaxedSimd = detectRelaxedSimd();
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  if (!tf.env().get('IS_NODE')) {
    // One file to find: the threaded build brings workers that our kernels do not use.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    if (wasmUrl) setWasmPaths(Object.fromEntries(WASM_FILES.map((name) => [name, wasmUrl])));
  }
  const start = async () => {
    if (!(await tf.setBackend('wasm'))) {
      throw new EngineError(
        "wasm engine: expected TensorFlow.js's wasm backend to start, got the failure it printed. " +
          `In a browser, say where ${SIMD_FILE} is (now ${wasmUrl ?? 'beside the page, or the script of a worker'}): ` +
          "useEngine('wasm', { wasmUrl }). docs/engines.md has a recipe.",
      );
    }
    await tf.ready();
  };
  await (threads > 1 ? withSharedMemory(start) : start());
  const heap = (tf.backend() as unknown as { wasm: WasmHeap }).wasm;
  guardAllocation(heap);
  const found = openNativeKernels(heap.asm.memory, threads);
  const native = 'kernels' in found ? found.kernels : undefined;
  bindWasmHeap(heap, {
    relaxedSimd,
    native,
    threads: threads > 1 ? startWasmThreads(heap.asm.memory, threads, native !== undefined) : undefined,
    checked: environment('MIXERZOO_CHECK_KERNELS') === '1',
  });
  replaceStockKernels();
  const instructions = relaxedSimd ? 'relaxed SIMD with fused multiply-add' : 'SIMD';
  return {
    name: 'wasm',
    description: `WebAssembly, ${instructions}, ${native ? `native kernels (${native.instructions}), ` : ''}${threads > 1 ? `${threads} threads` : 'one core'}`,
    details: {
      relaxedSimd,
      threads,
      native: native?.instructions ?? false,
      ...(native?.sources && { nativeSources: native.sources }),
    },
    ...('missing' in found ? { withoutNative: found.missing } : {}),
  };
}

function environment(name: string): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env[name];
}

function parseThreads(given: number | string | undefined): number {
  const threads = given === undefined || given === '' ? 1 : Number(given);
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new EngineError(
      `wasm engine: expected threads (MIXERZOO_THREADS) from 1 to ${MOST_THREADS}, got '${given}'. Ask for the cores one run may use.`,
    );
  }
  return threads;
}

/** Whether the runtime has relaxed SIMD; `MIXERZOO_RELAXED_SIMD=0` does without, to compare. */
function detectRelaxedSimd(): boolean {
  if (environment('MIXERZOO_RELAXED_SIMD') === '0') return false;
  if (WebAssembly.validate(RELAXED_SIMD_PROBE)) return true;
  // Node 20 has the instructions behind a flag, which takes effect for modules compiled after it is set. Later ones have
  // them without, and print an error for a flag that they do not know.
  const isNode20 = typeof process !== 'undefined' && process.versions?.node?.startsWith('20.');
  if (!isNode20) return false;
  process.getBuiltinModule('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd');
  return WebAssembly.validate(RELAXED_SIMD_PROBE);
}

/** At the 4 GB cap `_malloc` answers 0, and TensorFlow.js would go on with tensors that share address 0. */
function guardAllocation(heap: WasmHeap): void {
  // Emscripten binds `_malloc` on its first call and would overwrite the guard then.
  heap._free(heap._malloc(1));
  const malloc = heap._malloc;
  heap._malloc = (bytes) => {
    const offset = malloc(bytes);
    if (offset === 0 && bytes > 0) {
      const used = (heap.asm.memory.buffer.byteLength / 2 ** 20).toFixed(0);
      throw new OutOfMemoryError(
        `wasm engine: expected room for ${(bytes / 2 ** 20).toFixed(1)} MiB more, got none (heap ${used} MiB of at most 4096). ` +
          'Lower the batch size or the sequence length, or use the tensorflow or webgpu engine.',
      );
    }
    return offset;
  };
}
