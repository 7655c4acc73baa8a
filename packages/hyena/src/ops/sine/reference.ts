/** The sine and its derivatives in plain `tf` ops: of a GPU's sine, which may be off by 2^-11, it makes no use. */
import { tf } from '@mixerzoo/core';
import type { Attrs, Inputs, Outputs } from './types.js';

export function sineReference({ x }: Inputs, { quarters }: Attrs): Outputs {
  if (tf.getBackend() === 'webgpu') return { y: byPolynomials(x, quarters) };
  const y = quarters % 2 === 0 ? tf.sin(x) : tf.cos(x);
  return { y: quarters < 2 ? y : tf.neg(y) };
}

/** What `webgpu.ts` computes, of polynomials whose coefficients rise from the constant. */
function byPolynomials(x: tf.Tensor, quarters: number): tf.Tensor {
  const n = tf.round(x.mul(2 / Math.PI));
  const r = x.sub(n.mul(1.5703125)).sub(n.mul(4.837512969970703e-4)).sub(n.mul(7.549789948768648e-8));
  const z = r.square();
  const polynomial = (...coefficients: number[]) =>
    coefficients.reduceRight((sum, coefficient) => sum.mul(z).add(coefficient), tf.zerosLike(z));
  const sine = r.mul(polynomial(1, -1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4));
  const cosine = polynomial(1, -0.5, 4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5);
  const turn = n.add(quarters).mod(4); // 0 to 3
  const isCosine = turn.mod(2).greater(0.5);
  const y = tf.where(isCosine, cosine, sine);
  return tf.where(turn.greater(1.5), y.neg(), y);
}
