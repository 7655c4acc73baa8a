/**
 * Normalisation of rows of d elements. With `centre` the mean is taken off first (layer norm), without it not (RMS
 * norm). A weight or bias at address 0 is absent.
 *
 *   xhat = (x - mean) r,  r = 1 / sqrt(mean((x - mean)^2) + eps),  y = xhat w + b
 *   dX = r (g - mean(g) - xhat mean(g xhat)),  g = dY w;  without centring the term mean(g) is absent
 */
import { blockStart, sumPartials } from '@mixerzoo/core/assembly/reduce';
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

/** Rows [start, end) of y. */
export function normalize(x: usize, weight: usize, bias: usize, y: usize, d: i32, eps: f32, centre: i32, start: i32, end: i32): void {
  const bytes = <usize>d << 2;
  const vectors = bytes & ~15;
  for (let row = start; row < end; row++) {
    const from = x + <usize>row * bytes;
    const to = y + <usize>row * bytes;
    const mean = centre ? rowMean(from, d) : 0;
    const scale = inverseDeviation(from, d, mean, eps);
    const means = f32x4.splat(mean);
    const scales = f32x4.splat(scale);
    let j: usize = 0;
    for (; j < vectors; j += 16) {
      let value = f32x4.mul(f32x4.sub(v128.load(from + j), means), scales);
      if (weight != 0) value = f32x4.mul(value, v128.load(weight + j));
      if (bias != 0) value = f32x4.add(value, v128.load(bias + j));
      v128.store(to + j, value);
    }
    for (; j < bytes; j += 4) {
      let value = (load<f32>(from + j) - mean) * scale;
      if (weight != 0) value *= load<f32>(weight + j);
      if (bias != 0) value += load<f32>(bias + j);
      store<f32>(to + j, value);
    }
  }
}

/**
 * dX of the rows of blocks [start, end), of `blocks`, and each block's sums of dY xhat and dY:
 * partials[block, 2, d].
 */
export function normalizeGradient(
  x: usize, weight: usize, dY: usize, dX: usize, partials: usize,
  rows: i32, d: i32, eps: f32, centre: i32, blocks: i32, start: i32, end: i32,
): void {
  const bytes = <usize>d << 2;
  const vectors = bytes & ~15;
  const perElement: f32 = 1 / <f32>d;
  for (let block = start; block < end; block++) {
    const dWeight = partials + <usize>block * 2 * bytes;
    const dBias = dWeight + bytes;
    memory.fill(dWeight, 0, 2 * bytes);
    const last = blockStart(block + 1, blocks, rows);
    for (let row = blockStart(block, blocks, rows); row < last; row++) {
      const from = x + <usize>row * bytes;
      const grad = dY + <usize>row * bytes;
      const to = dX + <usize>row * bytes;
      const mean = centre ? rowMean(from, d) : 0;
      const scale = inverseDeviation(from, d, mean, eps);
      const means = f32x4.splat(mean);
      const scales = f32x4.splat(scale);
      let sums = f32x4.splat(0);
      let products = f32x4.splat(0);
      let j: usize = 0;
      for (; j < vectors; j += 16) {
        const xhat = f32x4.mul(f32x4.sub(v128.load(from + j), means), scales);
        const given = v128.load(grad + j);
        v128.store(dWeight + j, madd(given, xhat, v128.load(dWeight + j)));
        v128.store(dBias + j, f32x4.add(given, v128.load(dBias + j)));
        const g = weight != 0 ? f32x4.mul(given, v128.load(weight + j)) : given;
        sums = f32x4.add(sums, g);
        products = madd(g, xhat, products);
      }
      let sum = sumLanes(sums);
      let product = sumLanes(products);
      for (; j < bytes; j += 4) {
        const xhat = (load<f32>(from + j) - mean) * scale;
        const given = load<f32>(grad + j);
        store<f32>(dWeight + j, load<f32>(dWeight + j) + given * xhat);
        store<f32>(dBias + j, load<f32>(dBias + j) + given);
        const g = weight != 0 ? given * load<f32>(weight + j) : given;
        sum += g;
        product += g * xhat;
      }
      sum = centre ? sum * perElement : 0;
      product *= perElement;
      const shift = f32x4.splat(sum);
      const slope = f32x4.splat(product);
      for (j = 0; j < vectors; j += 16) {
        const xhat = f32x4.mul(f32x4.sub(v128.load(from + j), means), scales);
        const given = v128.load(grad + j);
        const g = weight != 0 ? f32x4.mul(given, v128.load(weight + j)) : given;
        v128.store(to + j, f32x4.mul(scales, f32x4.sub(f32x4.sub(g, shift), f32x4.mul(xhat, slope))));
      }
      for (; j < bytes; j += 4) {
        const xhat = (load<f32>(from + j) - mean) * scale;
        const given = load<f32>(grad + j);
        const g = weight != 0 ? given * load<f32>(weight + j) : given;
        store<f32>(to + j, scale * (g - sum - xhat * product));
      }
    }
  }
}

/** Adds up one of the two sums of the blocks: to[i] for i in [start, end). */
export function sumBlocks(partials: usize, blocks: i32, d: i32, to: usize, start: i32, end: i32): void {
  sumPartials(partials, blocks, 2 * d, to, start, end);
}

// @ts-ignore: decorator
@inline
function rowMean(x: usize, d: i32): f32 {
  let sums = f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= d; j += 4) sums = f32x4.add(sums, v128.load(x + (<usize>j << 2)));
  let sum = sumLanes(sums);
  for (; j < d; j++) sum += load<f32>(x + (<usize>j << 2));
  return sum / <f32>d;
}

/** 1 / sqrt(mean((x - mean)^2) + eps) */
// @ts-ignore: decorator
@inline
function inverseDeviation(x: usize, d: i32, mean: f32, eps: f32): f32 {
  const means = f32x4.splat(mean);
  let sums = f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= d; j += 4) {
    const centred = f32x4.sub(v128.load(x + (<usize>j << 2)), means);
    sums = madd(centred, centred, sums);
  }
  let sum = sumLanes(sums);
  for (; j < d; j++) {
    const centred = load<f32>(x + (<usize>j << 2)) - mean;
    sum += centred * centred;
  }
  return 1 / sqrt(sum / <f32>d + eps);
}
