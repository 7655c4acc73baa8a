/** What `init` of a mixer promises beside finite numbers: random streams of their own, and depth. */
import type { Mixer } from '../mixer.js';
import { disposeTree, flattenTree } from '../tree.js';
import { dot } from './compare.js';

/** Fewer numbers may agree by chance. */
const FEWEST = 8;
/** Cosine of the angle between two streams, above which they are the same but for a factor. */
const SAME = 0.999;
const DEPTH = 4;
/** Seeds that differ by one, and in a bit that no letter has: `foldIn` of seeds that differ as two letters do may agree. */
const SEEDS = [127, 128] as const;
const OTHER_SEED = 384;

/**
 * Throws where two random parameters of a mixer, or one and that of the next seed, are the same draws up to a factor: such
 * as `randomNormal(shape, std, seed)` for both, or `seed + 1` for the second.
 */
export async function expectOwnStreams(mixer: Mixer): Promise<void> {
  const [first, next] = [await drawsOf(mixer, SEEDS[0]), await drawsOf(mixer, SEEDS[1])];
  for (const [index, [path, draws]] of [...first].entries()) {
    for (const [other, others] of [...first].slice(0, index)) assertDiffers(path, draws, `'${other}'`, others);
    for (const [other, others] of next) assertDiffers(path, draws, `'${other}' of the next seed`, others);
  }

  function assertDiffers(path: string, a: Float32Array, other: string, b: Float32Array): void {
    const size = Math.min(a.length, b.length);
    if (size < FEWEST) return;
    const [left, right] = [a.subarray(0, size), b.subarray(0, size)];
    const norm = Math.sqrt(dot(left, left) * dot(right, right));
    if (!(Math.abs(dot(left, right)) > SAME * norm)) return;
    throw new Error(
      `${mixer.name}.init: expected a random stream of its own for '${path}', got the draws of ${other}. Derive it: foldIn(seed, '${path}').`,
    );
  }
}

/**
 * Throws unless parameters that depend on the number of layers shrink by its square root, and there are some: the output
 * projections, so that the sum of all layers keeps its size.
 *
 * @param scaled - false for a mixer without such a projection: then none depends on it.
 */
export async function expectDepthScaling(mixer: Mixer, scaled: boolean): Promise<void> {
  const [shallow, deep] = [await valuesOf(mixer, SEEDS[0], 1), await valuesOf(mixer, SEEDS[0], DEPTH)];
  let count = 0;
  for (const [path, values] of shallow) {
    const others = deep.get(path) as Float32Array;
    const ratio = Math.sqrt(dot(others, others) / dot(values, values));
    if (!(Math.abs(ratio - 1) > 1e-6)) continue;
    count += 1;
    if (Math.abs(ratio * Math.sqrt(DEPTH) - 1) > 1e-5) {
      throw new Error(
        `${mixer.name}.init: expected '${path}' to shrink to ${1 / Math.sqrt(DEPTH)} from 1 layer to ${DEPTH}, got ${ratio.toPrecision(4)}. ` +
          'Scale output projections by 1 / Math.sqrt(2 * nLayers).',
      );
    }
  }
  if (count > 0 === scaled) return;
  throw new Error(
    scaled
      ? `${mixer.name}.init: expected the output projections to depend on nLayers, got the same parameters for 1 and ${DEPTH}. ` +
          'Scale them by 1 / Math.sqrt(2 * nLayers), or say that there are none: { scaledByDepth: false }.'
      : `${mixer.name}.init: expected no parameter to depend on nLayers, got ${count}. Leave scaledByDepth out.`,
  );
}

/** The random part of each parameter that has one: the difference to another seed, without what all seeds have in common. */
async function drawsOf(mixer: Mixer, seed: number): Promise<Map<string, Float32Array>> {
  const [values, others] = [await valuesOf(mixer, seed), await valuesOf(mixer, seed + OTHER_SEED)];
  const draws = [...values].map(
    ([path, numbers]) => [path, numbers.map((value, at) => value - (others.get(path)?.[at] as number))] as const,
  );
  return new Map(draws.filter(([, numbers]) => numbers.some((value) => value !== 0)));
}

async function valuesOf(mixer: Mixer, seed: number, nLayers?: number): Promise<Map<string, Float32Array>> {
  const params = mixer.init(seed, nLayers);
  const values = new Map<string, Float32Array>();
  for (const [path, leaf] of flattenTree(params)) values.set(path, (await leaf.data()) as Float32Array);
  disposeTree(params);
  return values;
}
