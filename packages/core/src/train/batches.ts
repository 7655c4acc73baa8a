/** The batches of an epoch: fixed examples in a new order, or fresh ones. */
import { createRng, foldIn } from '../rng.js';
import type { Examples, Task } from '../task.js';
import { sliceExamples } from './evaluate.js';

export interface BatchesOptions {
  readonly batchSize: number;
  readonly examplesPerEpoch: number;
  readonly freshExamples: boolean;
  /** Of the order of fixed examples. */
  readonly seed: number;
  /** Of the examples. */
  readonly dataSeed: number;
}

/** The batches of an epoch, counted from 0, without those before `first`. */
export type Batches = (epoch: number, first: number) => Generator<Examples>;

/**
 * The batches of each epoch; they depend on the options and the epoch alone. Fixed examples are made once, when first asked
 * for. Examples that do not fill a last batch are left out. Fresh ones of a task with a stream are the next of it.
 */
export function createBatches(task: Task, options: BatchesOptions): Batches {
  const { batchSize, examplesPerEpoch, freshExamples, seed, dataSeed } = options;
  const steps = Math.floor(examplesPerEpoch / batchSize);
  const trainSeed = foldIn(dataSeed, 'train');
  let fixed: Examples | undefined;

  return function* (epoch, first) {
    if (freshExamples && task.stream) {
      for (let batch = first; batch < steps; batch += 1) {
        const number = (epoch * steps + batch) * batchSize;
        yield task.stream({ seed: trainSeed, first: number, count: batchSize });
      }
      return;
    }
    if (freshExamples) {
      const epochSeed = foldIn(trainSeed, epoch);
      for (let batch = first; batch < steps; batch += 1) {
        yield task.generate({ split: 'train', seed: foldIn(epochSeed, batch), count: batchSize });
      }
      return;
    }
    fixed ??= task.generate({ split: 'train', seed: trainSeed, count: examplesPerEpoch });
    const order = shuffledIndices(examplesPerEpoch, foldIn(foldIn(seed, 'order'), epoch));
    for (let batch = first; batch < steps; batch += 1) {
      yield gatherExamples(fixed, order.subarray(batch * batchSize, (batch + 1) * batchSize));
    }
  };
}

/** A permutation of [0, count): Fisher-Yates. */
function shuffledIndices(count: number, seed: number): Int32Array {
  const rng = createRng(seed);
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index -= 1) {
    const other = rng.integer(index + 1);
    const value = order[index] as number;
    order[index] = order[other] as number;
    order[other] = value;
  }
  return order;
}

/** The examples at these indices, copied. */
function gatherExamples(examples: Examples, indices: Int32Array): Examples {
  const { seqLen } = examples;
  const inputs = new Int32Array(indices.length * seqLen);
  const labels = new Int32Array(indices.length * seqLen);
  for (const [row, index] of indices.entries()) {
    const example = sliceExamples(examples, index, 1);
    inputs.set(example.inputs, row * seqLen);
    labels.set(example.labels, row * seqLen);
  }
  return { count: indices.length, seqLen, inputs, labels };
}
