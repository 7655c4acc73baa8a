/** Cross-entropy of a tied head on the wasm engine: groups of rows, so that the logits of one group exist at a time. */
import type { WasmKernel } from '../../engines/wasm/kernel.js';
import { ShapeError } from '../../errors.js';
import { code } from './kernel.generated.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** The logits of a group take at most this much, unless eight rows take more. */
const GROUP_BYTES = 2 * 2 ** 20;
/** Entries of the vocabulary per unit of `tableGradient`, and per block of `packTransposed`; as in kernel.as.ts. */
const BLOCK_V = 64;
const BLOCK_SUM = 256;
/** Entries that `tableGradient` may read behind the last. */
const PAST_END = 3;

export const tiedCrossEntropy: WasmKernel<Inputs, Attrs, Outputs & Saved> = {
  code,
  run(wasm, { hidden, table, labels }, { gradients }) {
    const [n, d] = hidden.shape;
    const vocabulary = table.shape[0];
    const [hiddenAt, tableAt, labelsAt] = [wasm.pointer(hidden), wasm.pointer(table), wasm.pointer(labels)];
    const outside = wasm.call('firstOutside', labelsAt, n, vocabulary);
    if (outside >= 0) {
      throw new ShapeError(
        `tiedCrossEntropy: expected labels in [0, ${vocabulary}), got ${labels.dataSync()[outside]} at position ${outside}.`,
      );
    }
    const loss = wasm.output([]);
    const correct = wasm.output([n]);
    const dHidden = wasm.output(gradients ? [n, d] : [0]);
    const dTable = wasm.output(gradients ? [vocabulary, d] : [0]);

    const outputs = { loss, correct, dHidden, dTable };
    const addresses = [hidden, table, labels, ...Object.values(outputs)].map((tensor) => wasm.pointer(tensor));
    if (wasm.native('tiedCrossEntropy', n, d, vocabulary, Number(gradients), ...addresses)) return outputs;

    const octets = Math.ceil(n / 8);
    const groupSize = Math.max(1, Math.min(octets, Math.floor(GROUP_BYTES / (32 * vocabulary)), 64));
    const padded = 4 * Math.ceil(d / 4);
    const packed = wasm.scratch(16 * Math.ceil(vocabulary / 4) * d);
    wasm.parallel('packTable', Math.ceil(vocabulary / 4), tableAt, packed, vocabulary, d);
    const transposed = gradients ? wasm.scratch(4 * vocabulary * padded) : 0;
    if (gradients)
      wasm.parallel('packTransposed', Math.ceil(vocabulary / BLOCK_SUM), tableAt, transposed, vocabulary, d);

    const logits = wasm.scratch(32 * (vocabulary * groupSize + PAST_END));
    const work = wasm.scratch(64 * d * groupSize);
    const scaled = wasm.scratch(256 * Math.ceil(d / 8) * groupSize);
    const losses = wasm.scratch(8 * n);
    const dTableAt = gradients ? wasm.pointer(dTable) : 0;
    const dHiddenAt = gradients ? wasm.pointer(dHidden) : 0;
    for (let first = 0; first < octets; first += groupSize) {
      const count = Math.min(groupSize, octets - first);
      wasm.parallel(
        'octets',
        count,
        hiddenAt,
        labelsAt,
        packed,
        transposed,
        logits,
        work,
        scaled,
        losses,
        wasm.pointer(correct),
        dHiddenAt,
        n,
        d,
        vocabulary,
        first,
        count,
      );
      if (gradients) {
        const blocks = Math.ceil(vocabulary / BLOCK_V);
        wasm.parallel('tableGradient', blocks, logits, scaled, dTableAt, d, vocabulary, count, Number(first > 0));
      }
    }
    wasm.call('mean', losses, n, wasm.pointer(loss));
    return outputs;
  },
};
