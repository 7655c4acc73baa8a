/**
 * The one table of tolerances: how far an engine's numbers may be from what they are held to, as a share of the largest
 * magnitude of the tensor compared.
 */
import { currentEngine, type EngineName } from '../engines/index.js';

/** What is compared with what. */
export interface Tolerances {
  /** Outputs of an op: fast kernel against reference form. */
  readonly op: number;
  /** Gradients of an op, likewise. */
  readonly opGradient: number;
  /** A mixer: `step` and `prefill` against `apply`, kernels against reference forms. */
  readonly mixer: number;
  /** Anything against golden vectors, which are float64. */
  readonly golden: number;
  /** Losses of 20 steps of training against the wasm engine's. */
  readonly training: number;
}

const FLOAT32: Tolerances = { op: 2e-5, opGradient: 5e-5, mixer: 5e-5, golden: 5e-5, training: 2e-5 };

const TOLERANCES: Readonly<Record<EngineName, Tolerances>> = {
  cpu: FLOAT32,
  wasm: FLOAT32,
  tensorflow: FLOAT32,
  webgpu: FLOAT32,
};

/** The tolerances of the engine in use. @throws EngineError if there is none. */
export function tolerances(): Tolerances {
  return TOLERANCES[currentEngine().name];
}
