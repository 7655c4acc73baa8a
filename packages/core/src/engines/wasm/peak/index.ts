/** The measured limits of this machine on the wasm engine: the yardstick of `bench:kernels`. */
import { runWasmKernel } from '../kernel.js';
import { code } from './kernel.generated.js';

/** What one core reaches at most. */
export interface WasmPeak {
  /** Multiply-adds on registers, 10^9 FLOP a second. */
  readonly gigaflops: number;
  /** Copying 1 MiB, the size of an activation of a small model: bytes read plus written, 10^9 a second. */
  readonly gigabytesPerSecond: number;
}

const ROUNDS = 2_000_000;
const BYTES = 2 ** 20;
const COPIES = 50;
const TRIALS = 12;

/**
 * Measures the peak, best of several trials, in about a quarter of a second.
 * @throws EngineError if the wasm engine is not in use.
 */
export function measureWasmPeak(): WasmPeak {
  let [flopTime, copyTime] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  runWasmKernel(
    {
      code,
      run(wasm) {
        const [from, to] = [wasm.scratch(BYTES), wasm.scratch(BYTES)];
        for (let trial = 0; trial < TRIALS; trial += 1) {
          const start = performance.now();
          wasm.call('multiplyAdds', ROUNDS);
          const between = performance.now();
          for (let copy = 0; copy < COPIES; copy += 1) wasm.call('copy', from, to, BYTES);
          flopTime = Math.min(flopTime, between - start);
          copyTime = Math.min(copyTime, (performance.now() - between) / COPIES);
        }
        return {};
      },
    },
    {},
    {},
    'measureWasmPeak',
  );
  return { gigaflops: (ROUNDS * 80) / flopTime / 1e6, gigabytesPerSecond: (2 * BYTES) / copyTime / 1e6 };
}
