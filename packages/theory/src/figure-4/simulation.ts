/**
 * The random context model as it stands (Definition 6): L x d tokens are drawn, landmarks are the sums of blocks, and hard and local
 * attention run over them. What the integral of block-sums.ts leaves out, this has.
 *
 * One context serves many queries. Of orthonormal queries each sees the tokens' shares along itself alone, which are independent
 * for Gaussian tokens; each in turn puts its own token into the context and is asked. The outcomes are exactly independent.
 *
 * In f64 over f32 tokens and not by `landmarkCat`, which would attend for all L tokens where one asks: that is for the claims.
 */
import { createRng, foldIn } from '@mixerzoo/core/rng';
import { fillNormals } from '../math/fill-normals.js';
import { orthonormalRows } from '../math/random.js';
import type { Context } from './block-sums.js';

/**
 * Asks `queries` orthonormal queries, at most `width`, of a context of d = `width`.
 * @returns how many found the block of their token and, within both blocks, their token alone.
 */
export function simulateRecall(
  { seqLen, blockSize, variance = 1 }: Context,
  { width, queries, seed }: { readonly width: number; readonly queries: number; readonly seed: number },
): number {
  const tokens = fillNormals(createRng(foldIn(seed, 'tokens')), new Float32Array(seqLen * width));
  const scale = Math.sqrt(variance / width);
  const candidates = Math.ceil(seqLen / blockSize) - 1;
  const landmarks = new Float64Array(candidates * width);
  for (let t = 0; t < candidates * blockSize; t++) {
    const landmark = Math.floor(t / blockSize) * width;
    for (let c = 0; c < width; c++) landmarks[landmark + c] = landmarks[landmark + c]! + tokens[t * width + c]!;
  }
  const rng = createRng(foldIn(seed, 'queries'));
  let successes = 0;
  for (const query of orthonormalRows(rng, queries, width)) {
    const along = (rows: Float32Array | Float64Array, index: number) => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += rows[index * width + c]! * query[c]!;
      return scale * sum;
    };
    const place = rng.integer(candidates * blockSize);
    const block = Math.floor(place / blockSize);
    const score = along(landmarks, block) - along(tokens, place) + 1;
    const found = () => everyOther(0, candidates, block, (j) => along(landmarks, j) < score);
    const alone = (from: number, to: number, except: number) =>
      everyOther(from, to, except, (t) => along(tokens, t) < 1);
    const own = candidates * blockSize;
    if (found() && alone(block * blockSize, (block + 1) * blockSize, place) && alone(own, seqLen, seqLen - 1)) {
      successes++;
    }
  }
  return successes;
}

function everyOther(from: number, to: number, except: number, holds: (index: number) => boolean): boolean {
  for (let index = from; index < to; index++) if (index !== except && !holds(index)) return false;
  return true;
}
