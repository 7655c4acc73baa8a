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
}

/** What `mixerzoo doctor` says of an engine. */
export interface EngineDiagnosis {
  readonly name: EngineName;
  readonly available: boolean;
  /** What it runs on, or why it is not there and how to get it. */
  readonly message: string;
}

/** Options of `useEngine`. */
export interface EngineOptions {
  /**
   * Threads of one run on the wasm engine, Node only; results are the same for any number. Default: the environment's
   * `MIXERZOO_THREADS`, else 1.
   */
  readonly threads?: number;
}
