/** What an engine is, and how one is asked for. */

export type EngineName = 'wasm' | 'webgpu' | 'tensorflow' | 'cpu';
export type EngineChoice = EngineName | 'auto';

/** An engine in use. */
export interface Engine {
  readonly name: EngineName;
  /** One line for reports: what it runs on. */
  readonly description: string;
  /** Facts worth recording with a result: versions, adapter, instruction sets. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** Why `auto` did not take the engine that it would have taken on this machine, a faster one. */
  readonly passedOver?: string;
  /** Why the wasm engine runs without native kernels, and how to get them. */
  readonly withoutNative?: string;
}

/**
 * What its sums depend on, in a word for records: engines of the same word round alike, `wasm` and `wasm (avx512)` do not.
 */
export function arithmeticOf({ name, details }: Pick<Engine, 'name' | 'details'>): string {
  const { native, relaxedSimd } = details;
  if (native) return `${name} (${native})`;
  return relaxedSimd === false ? `${name} (without fused multiply-add)` : name;
}

/** What `mixerzoo doctor` says of an engine. */
export interface EngineDiagnosis {
  readonly name: EngineName;
  readonly available: boolean;
  /** What it runs on, or why it is not there and how to get it. */
  readonly message: string;
  /** Why the wasm engine would run without native kernels, and how to get them. */
  readonly withoutNative?: string;
}

/** Options of `useEngine`. */
export interface EngineOptions {
  /**
   * Threads of one run on the wasm engine, Node only; results are the same for any number. Default: the environment's
   * `MIXERZOO_THREADS`, else 1.
   */
  readonly threads?: number;
  /**
   * Browsers, wasm engine: the address of `tfjs-backend-wasm-simd.wasm` of `@tensorflow/tfjs-backend-wasm/dist`. Default: beside
   * the page, in a worker beside its script, where bundlers put nothing. Node finds the file itself.
   *
   * @example
   * // Vite and webpack 5 serve the file; page, nested route and worker get the same address.
   * const wasmUrl = new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm', import.meta.url);
   * await useEngine('wasm', { wasmUrl });
   */
  readonly wasmUrl?: string | { readonly href: string };
}
