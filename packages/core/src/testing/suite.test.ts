/** The shared suites told apart from ones that pass: faults that went unseen, each with what it is answered with. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { useEngine } from '../engines/index.js';
import { defineMixer, type Mixer } from '../mixer.js';
import { linear } from '../ops/linear/index.js';
import { randomNormal } from '../random-tensors.js';
import { foldIn } from '../rng.js';
import * as tf from '../tf.js';
import { expectClose, expectFinite, expectGradient, expectSame, testTensor } from './compare.js';
import { expectDepthScaling, expectOwnStreams } from './initialisation.js';
import { expectOptionsMatter } from './options-matter.js';

const schema = z.strictObject({
  dModel: z.int().positive(),
  gain: z.number().positive().default(1),
  kind: z.enum(['sum', 'mean']).default('sum'),
  dropout: z.number().min(0).max(1).default(0),
  tag: z.string().default('a'),
});
type Options = z.output<typeof schema>;
type Params = { v: { weight: tf.Tensor2D }; o: { weight: tf.Tensor2D } };

/** Running sums of projected values, with faults. */
function faulty(faults: {
  gain?: (options: Options) => number;
  streams?: (seed: number) => readonly [number, number];
  depth?: (nLayers: number) => number;
}): Mixer {
  const { gain = (options) => options.gain, depth = (nLayers) => (2 * nLayers) ** -0.5 } = faults;
  const { streams = (seed) => [foldIn(seed, 'v'), foldIn(seed, 'o')] } = faults;
  return defineMixer({
    name: 'faulty',
    summary: 'Running sums.',
    schema,
    create: (options) => ({
      init(seed, nLayers = 1): Params {
        const [v, o] = streams(seed);
        const size: [number, number] = [options.dModel, options.dModel];
        return {
          v: { weight: randomNormal(size, 0.5, v) },
          o: { weight: randomNormal(size, 0.5 * depth(nLayers), o) },
        };
      },
      apply({ v, o }, x, context) {
        const kept = context?.training ? 1 - options.dropout : 1;
        const divisor = options.kind === 'mean' ? x.shape[1] : 1;
        return linear(tf.cumsum(linear(x, v), 1).mul<tf.Tensor3D>((gain(options) * kept) / divisor), o);
      },
      initState: (batchSize) => ({ sum: tf.zeros([batchSize, options.dModel]) }),
      step: (_, x, state) => ({ y: x.clone(), state }),
      stateSize: () => options.dModel,
      flops: () => 0,
    }),
  })({ dModel: 4 });
}

beforeAll(async () => {
  await useEngine();
});

describe('options', () => {
  it('that are forgotten are named, one without another value to try too', async () => {
    await expectOptionsMatter(faulty({}), { tag: 'a name' }, {});
    await expect(expectOptionsMatter(faulty({ gain: () => 1 }), {}, { tag: 'b' })).rejects.toThrow(
      /faulty: expected every option to change .* got no change from 'gain' \(tried 2, 0\.5, 0, 3, 4, 0\.1, 10\); 'tag' \(tried "b"\)\. Use it, .*idleOptions/,
    );
    await expect(expectOptionsMatter(faulty({}), {}, {})).rejects.toThrow(
      /got no change from 'tag' \(no other value known: give one, \{ otherValues: \{ tag: … \} \}\)/,
    );
  });

  it('that the suite is told of are there', async () => {
    await expect(expectOptionsMatter(faulty({}), { tags: 'a name' }, {})).rejects.toThrow(
      /faulty: expected options of its schema, got tags in those of describeMixer/,
    );
  });
});

describe('parameters', () => {
  it('that share a stream, or have that of the next seed, are named', async () => {
    await expectOwnStreams(faulty({}));
    await expect(expectOwnStreams(faulty({ streams: (seed) => [seed, seed] }))).rejects.toThrow(
      /faulty\.init: expected a random stream of its own for 'o\.weight', got the draws of 'v\.weight'\. Derive it/,
    );
    await expect(expectOwnStreams(faulty({ streams: (seed) => [seed, seed + 1] }))).rejects.toThrow(
      /stream of its own for 'o\.weight', got the draws of 'v\.weight' of the next seed/,
    );
  });

  it('that ignore nLayers, or shrink otherwise, are refused', async () => {
    await expectDepthScaling(faulty({}), true);
    await expect(expectDepthScaling(faulty({ depth: () => 1 }), true)).rejects.toThrow(
      /faulty\.init: expected the output projections to depend on nLayers, got the same parameters for 1 and 4\..*scaledByDepth/,
    );
    await expect(expectDepthScaling(faulty({ depth: (nLayers) => 1 / nLayers }), true)).rejects.toThrow(
      /expected 'o\.weight' to shrink to 0\.5 from 1 layer to 4, got 0\.2500/,
    );
    await expect(expectDepthScaling(faulty({}), false)).rejects.toThrow(/got 1\. Leave scaledByDepth out/);
  });
});

describe('comparisons say where', () => {
  const x = () => testTensor<tf.Rank.R3>([2, 3, 4], 1);
  const changed = (value: number) => {
    const buffer = tf.buffer<tf.Rank.R3>([2, 3, 4], 'float32', Float32Array.from(x().dataSync()));
    buffer.set(value, 1, 2, 3);
    return buffer.toTensor();
  };

  it('values differ', async () => {
    await expect(expectClose(changed(9), x(), 0.1, 'y', undefined, ' Or rounding.')).rejects.toThrow(
      /^y: expected an error .* got \S+ at \[1, 2, 3\] \(9 instead of \S+\)\. Or rounding\.$/,
    );
    const wrong = expectClose(changed(9), x(), 1e-3, 'y', undefined, ' Or rounding.');
    await expect(wrong).rejects.toThrow(/ \(9 instead of \S+\)\.$/); // thousands of tolerances
    await expect(expectSame(changed(9), x(), 'y')).rejects.toThrow(
      /the same bits again, got 9 after \S+ at \[1, 2, 3\]/,
    );
    await expect(expectFinite(changed(Number.NaN), 'y')).rejects.toThrow(/finite numbers, got NaN at \[1, 2, 3\]/);
  });

  it('a gradient is wrong', async () => {
    const at = [testTensor([3], 1), testTensor([3], 2)];
    const evaluate = ([a, b]: tf.Tensor[]) => tf.mul(a as tf.Tensor, b as tf.Tensor);
    const weights = [1, 1, 1];
    const gradients = [at[1] as tf.Tensor, tf.neg(at[0] as tf.Tensor)];
    await expect(
      expectGradient({ at, gradients, weights, evaluate, names: ['a', 'b'], remedy: ' So.' }),
    ).rejects.toThrow(
      /expected the slope .* of central differences along direction 0, got .*; furthest off is the gradient of b, \S+ instead of \S+\. .* So\.$/,
    );
  });
});
