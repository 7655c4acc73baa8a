/**
 * The packed Taylor features of rows and their gradient: phi(x) = [1, x f^(-1/4), x_i x_j f^(-1/2) for i <= j], the
 * squares with a further factor sqrt(1/2). Order and weights as in features.ts.
 */
import { madd, sumLanes } from '@mixerzoo/core/assembly/simd';

const SQRT_HALF: f32 = 0.7071067811865476;

/** D_phi. */
// @ts-ignore: decorator
@inline
export function packedFeatures(featureDim: i32): i32 {
  return 1 + featureDim + featureDim * (featureDim + 1) / 2;
}

/** Elements from row to row of a matrix of features: whole vectors, the padding zero. */
// @ts-ignore: decorator
@inline
export function featureStep(featureDim: i32): i32 {
  return (packedFeatures(featureDim) + 3) & ~3;
}

/** Bytes of a matrix of features, and room for the vector that runs over its end. */
export function featureBytes(rows: i32, featureDim: i32): usize {
  return (<usize>(rows * featureStep(featureDim)) << 2) + 16;
}

/** Bytes of the scratch of `features` and `featureGradient`: two rows of x with a vector of zeros behind. */
export function featureScratch(featureDim: i32): usize {
  return <usize>(2 * ((featureDim + 7) & ~3)) << 2;
}

/** phi of m rows of x, `step` elements apart. */
export function features(to: usize, x: usize, step: i32, m: i32, featureDim: i32, scratch: usize): void {
  const rowBytes = <usize>featureStep(featureDim) << 2;
  const inverseRoot: f32 = 1 / sqrt<f32>(<f32>featureDim);
  const fourth = sqrt<f32>(inverseRoot);
  memory.fill(scratch, 0, featureScratch(featureDim));
  for (let row = 0; row < m; row++) {
    memory.copy(scratch, x + (<usize>(row * step) << 2), <usize>featureDim << 2);
    store<f32>(to, 1);
    // Vectors run over the end of their part; what they leave there is overwritten by the next part.
    scaled(to + 4, scratch, fourth, featureDim);
    let at = to + 4 + (<usize>featureDim << 2);
    for (let i = 0; i < featureDim; i++) {
      const xi = load<f32>(scratch + (<usize>i << 2));
      scaled(at, scratch + (<usize>i << 2), xi * inverseRoot, featureDim - i);
      store<f32>(at, load<f32>(at) * SQRT_HALF);
      at += <usize>(featureDim - i) << 2;
    }
    to += rowBytes;
  }
}

/** to = factor from, in whole vectors. */
// @ts-ignore: decorator
@inline
function scaled(to: usize, from: usize, factor: f32, n: i32): void {
  const f = f32x4.splat(factor);
  for (const end = to + (<usize>n << 2); to < end; to += 16, from += 16) v128.store(to, f32x4.mul(f, v128.load(from)));
}

/** dX += the gradient of phi at x applied to dPhi, m rows. Overwrites dPhi's squares. */
export function featureGradient(dX: usize, dPhi: usize, x: usize, step: i32, m: i32, featureDim: i32, scratch: usize): void {
  const rowBytes = <usize>featureStep(featureDim) << 2;
  const inverseRoot: f32 = 1 / sqrt<f32>(<f32>featureDim);
  const fourth = f32x4.splat(sqrt<f32>(inverseRoot));
  const sums = scratch + featureScratch(featureDim) / 2;
  memory.fill(scratch, 0, featureScratch(featureDim));
  for (let row = 0; row < m; row++) {
    memory.copy(scratch, x + (<usize>(row * step) << 2), <usize>featureDim << 2);
    for (let c: usize = 0; c < <usize>featureDim << 2; c += 16) {
      v128.store(sums + c, f32x4.mul(fourth, v128.load(dPhi + 4 + c)));
    }
    let at = dPhi + 4 + (<usize>featureDim << 2);
    for (let i = 0; i < featureDim; i++) {
      const offset = <usize>i << 2;
      store<f32>(at, load<f32>(at) * SQRT_HALF);
      const xi = f32x4.splat(load<f32>(scratch + offset) * inverseRoot);
      let total = f32x4.splat(0);
      // Past the end, x is zero and `sums` is padding.
      for (let c: usize = 0; c < <usize>(featureDim - i) << 2; c += 16) {
        const d = v128.load(at + c);
        total = madd(d, v128.load(scratch + offset + c), total);
        v128.store(sums + offset + c, madd(d, xi, v128.load(sums + offset + c)));
      }
      store<f32>(sums + offset, load<f32>(sums + offset) + inverseRoot * sumLanes(total));
      at += <usize>(featureDim - i) << 2;
    }
    const target = dX + (<usize>(row * step) << 2);
    for (let c: usize = 0; c < <usize>featureDim << 2; c += 4) {
      store<f32>(target + c, load<f32>(target + c) + load<f32>(sums + c));
    }
    dPhi += rowBytes;
  }
}

/** sums[row] += features[row] . vector, m rows. */
export function addRowProducts(sums: usize, rows: usize, vector: usize, m: i32, featureDim: i32): void {
  const rowBytes = <usize>featureStep(featureDim) << 2;
  for (let row = 0; row < m; row++, rows += rowBytes, sums += 4) {
    let total = f32x4.splat(0);
    for (let c: usize = 0; c < rowBytes; c += 16) total = madd(v128.load(rows + c), v128.load(vector + c), total);
    store<f32>(sums, load<f32>(sums) + sumLanes(total));
  }
}

/** vector += sum over rows of weights[row] features[row]; `weights` 0 for ones. */
export function addRows(vector: usize, rows: usize, weights: usize, m: i32, featureDim: i32): void {
  const rowBytes = <usize>featureStep(featureDim) << 2;
  for (let row = 0; row < m; row++, rows += rowBytes) {
    const weight = f32x4.splat(weights ? load<f32>(weights + (<usize>row << 2)) : 1);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      v128.store(vector + c, madd(weight, v128.load(rows + c), v128.load(vector + c)));
    }
  }
}

/** features[row] = factors[row] features[row] + offsets[row] vector; `factors`, `offsets` 0 for ones, `vector` 0 for none. */
export function scaleAndAdd(rows: usize, factors: usize, offsets: usize, vector: usize, m: i32, featureDim: i32): void {
  const rowBytes = <usize>featureStep(featureDim) << 2;
  for (let row = 0; row < m; row++, rows += rowBytes) {
    const factor = f32x4.splat(factors ? load<f32>(factors + (<usize>row << 2)) : 1);
    const offset = f32x4.splat(offsets ? load<f32>(offsets + (<usize>row << 2)) : 1);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      let value = f32x4.mul(factor, v128.load(rows + c));
      if (vector) value = madd(offset, v128.load(vector + c), value);
      v128.store(rows + c, value);
    }
  }
}
