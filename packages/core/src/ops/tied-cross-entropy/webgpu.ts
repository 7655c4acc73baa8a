/**
 * Cross-entropy of a tied head on the webgpu engine, in groups of rows: matrix product, softmax in place, two more
 * products for the gradients. Only the logits of one group exist at a time, few enough to stay in a GPU's cache.
 */
import { multiply } from '../../engines/webgpu/gemm.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { workgroupTotal } from '../../engines/webgpu/reduce.js';
import type * as tf from '../../tf.js';
import { assertInside } from '../embedding/webgpu.js';
import type { Attrs, Inputs, Outputs } from './wasm.js';

/** The logits of a group take at most this much, unless eight rows take more. */
const GROUP_BYTES = 32 * 2 ** 20;
const THREADS = 256;
const SIDE = 16;

export const tiedCrossEntropyKernel: WebgpuKernel<Inputs, Attrs, Outputs> = {
  run(gpu, { hidden, table, labels }, { gradients }) {
    const [n, d] = hidden.shape as [number, number];
    const vocabulary = table.shape[0] as number;
    assertInside(gpu, 'tiedCrossEntropy: expected labels', labels, vocabulary);
    const loss = gpu.output<tf.Rank.R0>([]);
    const correct = gpu.output<tf.Rank.R1>([n]);
    const dHidden = gpu.output((gradients ? [n, d] : [0]) as never) as tf.Tensor;
    const dTable = gpu.output((gradients ? [vocabulary, d] : [0]) as never) as tf.Tensor;
    const losses = gpu.scratch<tf.Rank.R1>([n]);
    const groupSize = Math.min(n, Math.max(8, Math.floor(GROUP_BYTES / (4 * vocabulary))));
    const logits = gpu.scratch<tf.Rank.R2>([groupSize, vocabulary]);
    for (let first = 0; first < n; first += groupSize) {
      const m = Math.min(groupSize, n - first);
      const rows = { tensor: hidden, offset: first * d };
      multiply(
        gpu,
        { a: rows, b: { tensor: table, transposed: true }, c: { tensor: logits } },
        { batches: 1, m, k: d, n: vocabulary },
      );
      gpu.dispatch({
        code: softmaxCode(gradients),
        read: { labels },
        write: { logits, losses, correct },
        integers: { first, rows: m, vocabulary, nan: 0x7fc00000 },
        floats: { share: 1 / n },
        workgroups: gpu.grid(m),
      });
      if (gradients) {
        multiply(
          gpu,
          { a: { tensor: logits }, b: { tensor: table }, c: { tensor: dHidden, offset: first * d } },
          { batches: 1, m, k: vocabulary, n: d },
        );
        multiply(
          gpu,
          { a: { tensor: logits, transposed: true }, b: rows, c: { tensor: dTable }, accumulate: first > 0 },
          { batches: 1, m: vocabulary, k: m, n: d },
        );
      }
    }
    gpu.dispatch({
      code: `
${workgroupTotal(THREADS)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  var sum = 0.0;
  for (var i = local; i < u.n; i += ${THREADS}) { sum += losses[i]; }
  sum = total(sum, local);
  if (local == 0) { loss[0] = sum / f32(u.n); }
}`,
      read: { losses },
      write: { loss },
      integers: { n },
      workgroups: [1],
    });
    return { loss, correct, dHidden, dTable };
  },
};

/**
 * A workgroup per row: the largest logit (the first of equals), the loss, whether the label won; with `gradients` the
 * logits become (softmax - one-hot) / n. A label outside the vocabulary makes the loss NaN.
 */
function softmaxCode(gradients: boolean): string {
  return `${workgroupTotal(THREADS)}
var<workgroup> values: array<f32, ${THREADS}>;
var<workgroup> places: array<i32, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let row = i32(group.y * groups.x + group.x);
  if (row >= u.rows) { return; }
  let at = row * u.vocabulary;
  var best = logits[at + min(local, u.vocabulary - 1)];
  var place = min(local, u.vocabulary - 1);
  for (var v = local + ${THREADS}; v < u.vocabulary; v += ${THREADS}) {
    if (logits[at + v] > best) { best = logits[at + v]; place = v; }
  }
  values[local] = best;
  places[local] = place;
  workgroupBarrier();
  if (local < ${SIDE}) {
    for (var j = 1; j < ${SIDE}; j++) {
      let other = values[local + j * ${SIDE}];
      let otherPlace = places[local + j * ${SIDE}];
      if (other > best || (other == best && otherPlace < place)) { best = other; place = otherPlace; }
    }
    values[local] = best;
    places[local] = place;
  }
  workgroupBarrier();
  var largest = values[0];
  var winner = places[0];
  for (var j = 1; j < ${SIDE}; j++) {
    if (values[j] > largest || (values[j] == largest && places[j] < winner)) { largest = values[j]; winner = places[j]; }
  }
  var sum = 0.0;
  for (var v = local; v < u.vocabulary; v += ${THREADS}) {
    ${gradients ? 'let e = exp(logits[at + v] - largest);\n    if (v != labels[u.first + row]) { logits[at + v] = e; }\n    sum += e;' : 'sum += exp(logits[at + v] - largest);'}
  }
  let z = total(sum, local);
  let label = labels[u.first + row];
  if (local == 0) {
    let outside = u32(label) >= u32(u.vocabulary);
    let own = logits[at + select(label, 0, outside)];
    losses[u.first + row] = select(log(z) + largest - own, bitcast<f32>(u.nan), outside);
    correct[u.first + row] = select(0.0, 1.0, winner == label);
  }
  ${
    gradients
      ? `let scale = u.share / z;
  storageBarrier();
  for (var v = local; v < u.vocabulary; v += ${THREADS}) {
    if (v == label) { logits[at + v] = (exp(logits[at + v] - largest) / z - 1.0) * u.share; }
    else { logits[at + v] *= scale; }
  }`
      : ''
  }
}`;
}
