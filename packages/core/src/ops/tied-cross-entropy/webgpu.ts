/**
 * Cross-entropy of a tied head on the webgpu engine, in groups of rows: matrix product, softmax in place, two more
 * products for the gradients. Only the logits of one group exist at a time, few enough to stay in a GPU's cache.
 */
import { multiply } from '../../engines/webgpu/gemm.js';
import type { WebgpuCall, WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { eachLine, workgroupReductions } from '../../engines/webgpu/workgroup.js';
import { assertInside } from '../embedding/webgpu.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** The logits of a group take at most this much, unless eight rows take more. */
const GROUP_BYTES = 32 * 2 ** 20;
const THREADS = 256;

export const tiedCrossEntropy: WebgpuKernel<Inputs, Attrs, Outputs & Saved> = {
  run(gpu, { hidden, table, labels }, { gradients }) {
    const [n, d] = hidden.shape;
    const vocabulary = table.shape[0];
    assertInside(gpu, 'tiedCrossEntropy: expected labels', labels, vocabulary);
    const loss = gpu.output([]);
    const correct = gpu.output([n]);
    const dHidden = gpu.output(gradients ? [n, d] : [0]);
    const dTable = gpu.output(gradients ? [vocabulary, d] : [0]);
    const losses = gpu.scratch([n]);
    const groupSize = Math.min(n, Math.max(8, Math.floor(GROUP_BYTES / (4 * vocabulary))));
    const logits = gpu.scratch([groupSize, vocabulary]);
    for (let first = 0; first < n; first += groupSize) {
      const m = Math.min(groupSize, n - first);
      const rows = { tensor: hidden, offset: first * d };
      multiply(
        gpu,
        { a: rows, b: { tensor: table, transposed: true }, c: { tensor: logits } },
        { batches: 1, m, k: d, n: vocabulary },
      );
      gpu.dispatch({
        code: softmaxCode(gpu, gradients),
        read: { labels },
        write: { logits, losses, correct },
        integers: { first, lines: m, vocabulary, nan: 0x7fc00000 },
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
${workgroupReductions(gpu, THREADS, ['total'])}${eachLine(THREADS)}
  var sum = 0.0;
  for (var i = local; i < u.n; i += ${THREADS}) { sum += losses[i]; }
  sum = total(sum, local);
  if (local == 0) { loss[0] = sum / f32(u.n); }
}`,
      read: { losses },
      write: { loss },
      integers: { lines: 1, n },
      workgroups: [1],
    });
    return { loss, correct, dHidden, dTable };
  },
};

/**
 * A workgroup per row, which goes over its logits once for the largest of them (the first of equals) and the sum of the
 * exponentials scaled to it: for the loss, and whether the label won; with `gradients` once more, for the logits to become
 * (softmax - one-hot) / n. A label outside the vocabulary makes the loss NaN, and so does a logit that is NaN, which is told
 * by its bits: compilers may take every float for a number. Where the loss is NaN, nothing won.
 */
function softmaxCode(gpu: WebgpuCall, gradients: boolean): string {
  return `${workgroupReductions(gpu, THREADS, ['highest', 'lowest', 'total'])}${eachLine(THREADS)}
  let at = line * u.vocabulary;
  let label = labels[u.first + line];
  var best = -3e38;
  var place = u.vocabulary;
  var share = 0.0;
  var unknown = false;
  for (var v = local; v < u.vocabulary; v += ${THREADS}) {
    let x = logits[at + v];
    if ((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u) { unknown = true; }
    if (x > best) {
      share *= exp(best - x);
      best = x;
      place = v;
    }
    share += exp(x - best);
  }
  let largest = highest(best, local);
  let winner = lowest(select(select(u.vocabulary, place, best == largest), -1, unknown), local);
  let lost = winner < 0;
  let z = total(share * exp(best - largest), local);
  if (local == 0) {
    let outside = u32(label) >= u32(u.vocabulary);
    let own = logits[at + select(label, 0, outside)];
    losses[u.first + line] = select(log(z) + largest - own, bitcast<f32>(u.nan), outside || lost);
    correct[u.first + line] = select(0.0, 1.0, winner == label && !lost);
  }
  ${
    gradients
      ? `storageBarrier();
  for (var v = local; v < u.vocabulary; v += ${THREADS}) {
    logits[at + v] = (exp(logits[at + v] - largest) / z - select(0.0, 1.0, v == label)) * u.share;
  }`
      : ''
  }
}`;
}
