/** How large a run is before it has begun: parameters, memory, FLOPs. */
import type { PlannedRun } from '../experiment/resolve-runs.js';

/** Numbers of a run's training. */
export interface RunSize {
  readonly parameters: number;
  /** Tokens that are read in all. */
  readonly tokens: number;
  /** Of a token: forward, and twice that backward. */
  readonly flopsPerToken: number;
  readonly flops: number;
  /** About: see {@link ACTIVATIONS}. */
  readonly memoryBytes: number;
}

/** The parameters, their gradients and the two moments. */
const COPIES = 4;
/**
 * Floats that a layer keeps of each token for the gradient, over the model's width. Measured as the peak of a training step of the tiny
 * models of `@mixerzoo/language-models` at widths 128 and 256 and lengths 128 and 256: 52 (Mamba), 56 to 62 (Pythia, CAT),
 * up to 106 (Mamba-2).
 */
const ACTIVATIONS = 80;

/** The size of a run. */
export function sizeOfRun({ model, task, config: { train } }: PlannedRun): RunSize {
  const { parameterCount: parameters, nLayers, dModel } = model;
  const { batchSize, accumulation = 1, stepsPerEpoch, epochs } = train;
  const tokens = batchSize * stepsPerEpoch * epochs * task.seqLen;
  const flopsPerToken = Math.round((3 * model.flops(task.seqLen, task.labelsPerExample)) / task.seqLen);
  const held = (batchSize / accumulation) * task.seqLen;
  return {
    parameters,
    tokens,
    flopsPerToken,
    flops: flopsPerToken * tokens,
    memoryBytes: Float32Array.BYTES_PER_ELEMENT * (COPIES * parameters + ACTIVATIONS * held * nLayers * dModel),
  };
}
