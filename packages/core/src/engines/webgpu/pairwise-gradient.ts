/**
 * The backward pass of pairwise attention on the webgpu engine. Weights are computed again, tile by tile:
 *
 *   dx = w'(x) / N_t (do_t . v_s - D_t), with softmax w (do_t . v_s - D_t)
 *   D_t = do_t . o_t less what flows into N_t
 *   dq_t = scale sum_s dx k_s    dk_s = scale sum_t dx q_t    dv_s = sum_t w / N_t do_t
 *
 * dq by tiles of queries, dk and dv by tiles of keys, so that every sum has one owner and a fixed order.
 */
import { dims } from '../../dims.js';
import type * as tf from '../../tf.js';
import { shaderText, type WebgpuCall } from './kernel.js';
import {
  addProducts,
  eachTileOfKeys,
  eachTileOfQueries,
  everyVector,
  functionOfX,
  KEPT,
  KEPT_DOWN,
  launchOf,
  opening,
  type PairwiseForm,
  type PairwiseInputs,
  type PairwiseSizes,
  type PairwiseVariant,
  products,
  ROWS,
  scaled,
  scoresOfQuery,
  sizesOf,
  storeRows,
  storeWeights,
  unrolled,
  VISIBLE,
  variantOf,
  vector,
} from './pairwise-tiles.js';
import { rowSums } from './reduce.js';
import { assemble, bind, type Fragment, tensor, wgsl } from './wgsl.js';

/** What the forward pass gave, and the gradients that flow in: `dNormaliser` where one flows into the normaliser. */
interface PairwiseGradientInputs extends PairwiseInputs {
  readonly o: tf.Tensor;
  readonly normaliser: tf.Tensor;
  readonly dO: tf.Tensor;
  readonly dNormaliser?: tf.Tensor | undefined;
}

/** Gradients of q, k and v, of their shapes. */
export function pairwiseBackward(
  gpu: WebgpuCall,
  inputs: PairwiseGradientInputs,
  form: PairwiseForm,
): { dq: tf.Tensor3D; dk: tf.Tensor3D; dv: tf.Tensor3D } {
  const { q, k, v } = inputs;
  const sizes = sizesOf(inputs, form);
  const [dq, dk, dv] = [q, k, v].map((x) => gpu.output(dims(x, 3))) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const variant = variantOf(inputs, form, sizes);
  const tensors = { ...inputs, rowTerms: variant.divided ? rowTermsOf(gpu, inputs, form, sizes) : undefined };
  for (const { shader, write, owner } of [
    { shader: queryGradient(variant), write: { dq }, owner: 'queries' },
    { shader: keyGradient(variant), write: { dk, dv }, owner: 'keys' },
  ] as const) {
    gpu.dispatch({ ...bind(shader, tensors), write, ...launchOf(gpu, sizes, form, owner) });
  }
  return { dq, dk, dv };
}

const [NORMALISER, ROW_TERMS] = [tensor('normaliser'), tensor('rowTerms')] as const;

/** dq: a workgroup has 32 queries and goes over the keys they see. */
const queryGradient = shaderText((variant: PairwiseVariant) => {
  const chunks = variant.chunks.p;
  const ofRow = (i: number) => wgsl`
  let at${i} = min(row + ${i}, u.queries - 1);
  let n${i} = ${NORMALISER}[normaliserAt + at${i} * normaliserRow];
  let term${i} = ${ROW_TERMS}[termAt + at${i} * u.nHeads];`;
  return assemble(wgsl`
${opening(variant, 'queries')}
  ${everyVector(chunks, (chunk, i) => `var sum${chunk}${i} = vec4f();`)}
  ${variant.divided ? unrolled(ofRow) : ''}
  ${eachTileOfKeys(wgsl`
    ${products('x', ROWS.q, ROWS.k)}
    ${products('g', ROWS.dO, ROWS.v)}
    let key = s0 + 4 * tx + vec4i(0, 1, 2, 3);
    ${unrolled(
      (i) => wgsl`${scoresOfQuery(variant, i)}
    ${gradientOf(variant, i, {
      normaliser: `n${i}`,
      term: `term${i}`,
      kept: wgsl`${KEPT}((head * u.queries + row + ${i}) * u.keys + s0 + 4 * tx)`,
    })}`,
    )}
    ${storeWeights('dx')}
    ${addProducts('sum', chunks, ROWS.k)}`)}
  ${storeRows('sum', chunks, 'dq', ROWS.q)}
}`);
});

/** dk and dv: a workgroup has 32 keys, which are the rows of its tiles, and goes over the queries that see them. */
const keyGradient = shaderText((variant: PairwiseVariant) => {
  const { p: chunks, r: valueChunks } = variant.chunks;
  const ofColumns = wgsl`
    let at = min(query, vec4i(u.queries - 1));
    let n = ${vector((j) => wgsl`${NORMALISER}[normaliserAt + at[${j}] * normaliserRow]`)};
    let term = ${vector((j) => wgsl`${ROW_TERMS}[termAt + at[${j}] * u.nHeads]`)};`;
  return assemble(wgsl`
${opening(variant, 'keys')}
  ${everyVector(chunks, (chunk, i) => `var sum${chunk}${i} = vec4f();`)}
  ${everyVector(valueChunks, (chunk, i) => `var valueSum${chunk}${i} = vec4f();`)}
  ${eachTileOfQueries(wgsl`
    let query = t0 + 4 * tx + vec4i(0, 1, 2, 3);
    ${variant.divided ? ofColumns : ''}
    ${products('x', ROWS.k, ROWS.q)}
    ${products('g', ROWS.v, ROWS.dO)}
    ${unrolled(
      (i) => wgsl`
    let back${i} = offset + query - (row + ${i});
    let seen${i} = ${VISIBLE}(back${i}, vec4i(row + ${i})) & (query < vec4i(u.queries));
    ${scaled(variant, i)}
    ${gradientOf(variant, i, {
      normaliser: 'n',
      term: 'term',
      kept: wgsl`${KEPT_DOWN}(head * u.queries * u.keys + row + ${i}, query)`,
    })}`,
    )}
    ${storeWeights('a')}
    ${addProducts('valueSum', valueChunks, ROWS.dO)}
    ${storeWeights('dx')}
    ${addProducts('sum', chunks, ROWS.q)}`)}
  ${storeRows('sum', chunks, 'dk', ROWS.k)}
  ${storeRows('valueSum', valueChunks, 'dv', ROWS.v)}
}`);
});

/**
 * The thread's row i of a tile: from `x` and `g` = do . v, the weight `a` that v is multiplied by, and `dx`. The
 * normaliser and D are a number where rows are queries, a vector where columns are.
 */
function gradientOf(
  { weight, divided, dropout }: PairwiseVariant,
  i: number,
  { normaliser, term, kept }: { readonly normaliser: string; readonly term: string; readonly kept: Fragment },
): Fragment {
  if (weight === 'softmax') {
    const mask = dropout ? ` * kept${i}` : '';
    return wgsl`
    let w${i} = select(vec4f(), exp(x${i} - ${normaliser}), seen${i});
    ${dropout ? wgsl`let kept${i} = ${kept};` : ''}
    let dx${i} = w${i} * (g${i}${mask} - ${term}) * u.scale;
    let a${i} = w${i}${mask};`;
  }
  return wgsl`
    let a${i} = select(vec4f(), ${functionOfX('weight', weight.value)}(x${i})${divided ? ` / ${normaliser}` : ''}, seen${i});
    let dx${i} = select(vec4f(), ${functionOfX('derivative', weight.derivative)}(x${i})${divided ? ` / ${normaliser} * (g${i} - ${term})` : ` * g${i}`} * u.scale, seen${i});`;
}

/** D [B, M, H]: do . o less the gradient that flows into the normaliser. */
function rowTermsOf(
  gpu: WebgpuCall,
  { o, dO, normaliser, dNormaliser }: PairwiseGradientInputs,
  { weight, headsLast }: PairwiseForm,
  { batch, nHeads, queries, r }: PairwiseSizes,
): tf.Tensor {
  const rowTerms = gpu.scratch([batch, queries, nHeads]);
  const at = headsLast
    ? 'row'
    : '(row / (u.nHeads * u.queries) * u.nHeads + row % u.nHeads) * u.queries + row / u.nHeads % u.queries';
  const scaled = dNormaliser && weight !== 'softmax';
  rowSums(gpu, { o, dO, ...(dNormaliser && { dNormaliser }), ...(scaled && { normaliser }) }, rowTerms, {
    term: 'dO[row * u.columns + column] * o[row * u.columns + column]',
    finish: `sum${dNormaliser ? ` - ${scaled ? `normaliser[${at}] * ` : ''}dNormaliser[${at}]` : ''}`,
    columns: r,
    integers: { nHeads, queries },
  });
  return rowTerms;
}
