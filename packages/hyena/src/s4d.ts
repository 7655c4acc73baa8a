/**
 * S4D: a diagonal state space model with a fixed, input-independent transition, as a recurrence and as the filter it is.
 *
 *   A = -exp(aRealLog) + i aImag [H, N / 2]: one of each conjugate pair;   B = 1
 *   A' = (1 + dt A / 2) / (1 - dt A / 2),  C' = dt C / (1 - dt A / 2)        bilinear, dt = exp(logDt) [H]
 *   s_t = A' s_{t-1} + u_t;   y_t = 2 Re(C' s_t) + D u_t;   filter_j = 2 Re(C' A'^j), and D at delay 0
 *
 * Sources: Gu, Gupta, Goel, Re 2022 (arXiv 2206.11893); HazyResearch/H3 `ssm/ss_kernel_diag.py`.
 */
import { createRng, foldIn, randomNormal, tf } from '@mixerzoo/core';

/** aRealLog, aImag, cRe, cIm [H, N / 2]; logDt, dSkip [H]. */
export type S4dParams = {
  aRealLog: tf.Tensor2D;
  aImag: tf.Tensor2D;
  cRe: tf.Tensor2D;
  cIm: tf.Tensor2D;
  logDt: tf.Tensor1D;
  dSkip: tf.Tensor1D;
};

/** A complex tensor in two. */
export type Complex<T extends tf.Tensor = tf.Tensor> = { readonly re: T; readonly im: T };

/** Paths of parameters that weight decay spoils. */
export const S4D_NO_DECAY = ['aRealLog', 'aImag', 'logDt', 'dSkip'];

/** S4D-Lin: real parts -1/2, imaginary parts pi n; dt log-uniform in [0.001, 0.1]; C complex normal, D normal. */
export function initS4d(nHeads: number, dState: number, seed: number): S4dParams {
  const shape: [number, number] = [nHeads, dState / 2];
  const rng = createRng(foldIn(seed, 'logDt'));
  const frequencies = Float32Array.from({ length: nHeads * shape[1] }, (_, index) => Math.PI * (index % shape[1]));
  return {
    aRealLog: tf.fill(shape, Math.log(0.5)),
    aImag: tf.tensor2d(frequencies, shape),
    cRe: randomNormal<tf.Rank.R2>(shape, Math.SQRT1_2, foldIn(seed, 'cRe')),
    cIm: randomNormal<tf.Rank.R2>(shape, Math.SQRT1_2, foldIn(seed, 'cIm')),
    logDt: tf.tensor1d(Float32Array.from({ length: nHeads }, () => Math.log(0.001) + rng.uniform() * Math.log(100))),
    dSkip: randomNormal<tf.Rank.R1>([nHeads], 1, foldIn(seed, 'dSkip')),
  };
}

/** A' and C', [H, N / 2]. */
export function discretize({ aRealLog, aImag, cRe, cIm, logDt }: S4dParams): {
  a: Complex<tf.Tensor2D>;
  c: Complex<tf.Tensor2D>;
} {
  const dt = tf.exp(logDt).expandDims<tf.Tensor2D>(1);
  const [re, im] = [dt.mul(tf.exp(aRealLog)).mul(-0.5), dt.mul(aImag).mul<tf.Tensor2D>(0.5)]; // dt A / 2
  const rest = tf.sub(1, re);
  const scale = tf.square(rest).add(tf.square(im)); // |1 - dt A / 2|^2
  const [restOver, imOver] = [rest.div(scale), im.div<tf.Tensor2D>(scale)]; // 1 / (1 - dt A / 2)
  return {
    a: {
      re: tf.sub(1, tf.square(re)).sub(tf.square(im)).div<tf.Tensor2D>(scale),
      im: imOver.mul<tf.Tensor2D>(2),
    },
    c: {
      re: dt.mul(cRe.mul(restOver).sub(cIm.mul(imOver))),
      im: dt.mul(cRe.mul(imOver).add(cIm.mul(restOver))),
    },
  };
}

/** a^j for j < length, [H, N / 2, length]: by doubling, so that rounding grows with the logarithm of the length. */
export function powersOf(a: Complex<tf.Tensor2D>, length: number): Complex<tf.Tensor3D> {
  const shape: [number, number, number] = [...a.re.shape, 1];
  let powers: Complex<tf.Tensor3D> = { re: tf.ones(shape), im: tf.zeros(shape) };
  let factor: Complex = { re: a.re.reshape(shape), im: a.im.reshape(shape) };
  for (let count = 1; count < length; count *= 2) {
    const later = times(powers, factor);
    powers = {
      re: tf.concat([powers.re, later.re as tf.Tensor3D], 2),
      im: tf.concat([powers.im, later.im as tf.Tensor3D], 2),
    };
    factor = times(factor, factor);
  }
  const first = (x: tf.Tensor3D) => tf.slice(x, [0, 0, 0], [-1, -1, length]);
  return { re: first(powers.re), im: first(powers.im) };
}

/** The filter, [length, H]. */
export function s4dTaps(params: S4dParams, length: number): tf.Tensor2D {
  const { a, c } = discretize(params);
  const powers = powersOf(a, length);
  const row = (x: tf.Tensor2D) => x.expandDims<tf.Tensor3D>(1);
  const real = tf.sub(tf.matMul(row(c.re), powers.re), tf.matMul(row(c.im), powers.im)); // [H, 1, length]
  const taps = real.mul(2).squeeze<tf.Tensor2D>([1]).transpose<tf.Tensor2D>();
  const current = tf.pad(params.dSkip.expandDims<tf.Tensor2D>(0), [
    [0, length - 1],
    [0, 0],
  ]);
  return taps.add(current);
}

/** x y */
export function times(x: Complex, y: Complex): Complex {
  return { re: x.re.mul(y.re).sub(x.im.mul(y.im)), im: x.re.mul(y.im).add(x.im.mul(y.re)) };
}
