/**
 * Causal attention of every kind on the webgpu engine: sums over pairs of tokens, 32 queries by 32 keys at a time, so
 * that no [M, L] tensor exists.
 *
 *   x = scale q_t . k_s    o_t = sum_{s visible to t} w(x) v_s / N_t
 *   softmax:  w = exp(x - N_t), N the log-sum-exp, found online (Milakov and Gimelshein 2018; Dao et al. 2022)
 *   otherwise w is given, N_t = sum w + eps, or 1
 *
 * This file is the forward pass; `pairwise-gradient.ts` the backward pass; `pairwise-tiles.ts` the contract and the
 * fragments that both are put together from. Heads own contiguous columns; sizes are uniforms,
 * only the number of registers that the widths of a head take is part of the text.
 */
import type * as tf from '../../tf.js';
import { shaderText, type WebgpuCall } from './kernel.js';
import {
  ACROSS,
  addProducts,
  eachTileOfKeys,
  everyVector,
  functionOfX,
  KEPT,
  launchOf,
  opening,
  type PairwiseForm,
  type PairwiseInputs,
  type PairwiseVariant,
  products,
  ROWS,
  scoresOfQuery,
  sizesOf,
  storeRows,
  storeWeights,
  unrolled,
  variantOf,
  vector,
} from './pairwise-tiles.js';
import { assemble, bind, type Fragment, wgsl } from './wgsl.js';

/** o [B, M, H r] and the normaliser (ones where there is none). */
export function pairwiseForward(
  gpu: WebgpuCall,
  inputs: PairwiseInputs,
  form: PairwiseForm,
): { o: tf.Tensor3D; normaliser: tf.Tensor3D } {
  const sizes = sizesOf(inputs, form);
  const { batch, nHeads, queries, r } = sizes;
  const o = gpu.output([batch, queries, nHeads * r]);
  const normaliser = gpu.output(form.headsLast ? [batch, queries, nHeads] : [batch, nHeads, queries]);
  gpu.dispatch({
    ...bind(forwardShader(variantOf(inputs, form, sizes)), { ...inputs }),
    ...launchOf(gpu, sizes, form, 'queries'),
    write: { o, normaliser },
  });
  return { o, normaliser };
}

/** A workgroup has 32 queries and goes over the keys they see. */
const forwardShader = shaderText((variant: PairwiseVariant) => {
  const {
    weight,
    divided,
    chunks: { r: chunks },
  } = variant;
  const softmax = weight === 'softmax';
  return assemble(wgsl`
${opening(variant, 'queries')}
  ${everyVector(chunks, (chunk, i) => `var sum${chunk}${i} = vec4f();`)}
  var largest = vec4f(-1e30);
  var total = vec4f();
  ${eachTileOfKeys(wgsl`
    ${products('x', ROWS.q, ROWS.k)}
    let key = s0 + 4 * tx + vec4i(0, 1, 2, 3);
    ${unrolled((i) => scoresOfQuery(variant, i))}
    ${weight === 'softmax' ? onlineSoftmax(variant) : plainWeights(weight.value)}
    ${storeWeights('x')}
    ${addProducts('sum', chunks, ROWS.v)}`)}
  total = ${ACROSS.sum}(total, tx, ty);
  let divisor = ${softmax ? 'total' : divided ? 'total + u.eps' : 'vec4f(1.0)'};
  ${everyVector(chunks, (chunk, i) => `sum${chunk}${i} /= divisor[${i}];`)}
  ${storeRows('sum', chunks, 'o', ROWS.dO)}
  ${unrolled(
    (i) => `if (tx == 0 && row + ${i} < u.queries) {
    normaliser[normaliserAt + (row + ${i}) * normaliserRow] = ${softmax ? `largest[${i}] + log(total[${i}])` : `divisor[${i}]`};
  }`,
  )}
}`);
});

/** Sums of the thread's four rows. */
const ROW_SUMS = vector((i) => `dot(x${i}, vec4f(1.0))`);

/** x becomes w(x). */
const plainWeights = (value: string): Fragment => wgsl`
    ${unrolled((i) => wgsl`x${i} = select(vec4f(), ${functionOfX('weight', value)}(x${i}), seen${i});`)}
    total += ${ROW_SUMS};`;

/** x becomes exp(x - largest so far); what was summed before is scaled to it. Dropout comes after the sums. */
const onlineSoftmax = ({ chunks, dropout }: PairwiseVariant): Fragment => wgsl`
    ${unrolled((i) => `x${i} = select(vec4f(-1e30), x${i}, seen${i});`)}
    let highest = max(largest, ${ACROSS.max}(${vector((i) => `max(max(x${i}.x, x${i}.y), max(x${i}.z, x${i}.w))`)}, tx, ty));
    let factor = exp(largest - highest);
    largest = highest;
    ${unrolled((i) => `x${i} = select(vec4f(), exp(x${i} - highest[${i}]), seen${i});`)}
    total = total * factor + ${ROW_SUMS};
    ${everyVector(chunks.r, (chunk, i) => `sum${chunk}${i} *= factor[${i}];`)}
    ${dropout ? unrolled((i) => wgsl`x${i} *= ${KEPT}((head * u.queries + row + ${i}) * u.keys + s0 + 4 * tx);`) : ''}`;
