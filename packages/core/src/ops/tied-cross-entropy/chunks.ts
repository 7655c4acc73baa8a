/** Some rows at a time, for the forms that hold the logits of all rows they are given. */
import * as tf from '../../tf.js';
import type { Attrs, Inputs, Outputs, Saved } from './types.js';

/** Logits that exist at a time, unless one row has more: 64 MiB of them, and as many of each of what is made of them. */
const MOST_LOGITS = 2 ** 24;

/** What a form makes of some of `total` rows: the loss and the gradients are sums over its rows, divided by `total`. */
export type RowsForm = (inputs: Inputs, attrs: Attrs, total: number) => Outputs & Saved;

/** The outputs for all rows, from those for as many at a time as `mostLogits` allow. */
export function inChunks(
  form: RowsForm,
  { hidden, table, labels }: Inputs,
  attrs: Attrs,
  mostLogits = MOST_LOGITS,
): Outputs & Saved {
  const [n, d] = hidden.shape;
  const rows = Math.max(1, Math.floor(mostLogits / table.shape[0]));
  if (n <= rows) return form({ hidden, table, labels }, attrs, n);
  const parts: Pick<Outputs & Saved, 'correct' | 'dHidden'>[] = [];
  let loss: tf.Scalar | undefined;
  let dTable: tf.Tensor | undefined;
  for (let first = 0; first < n; first += rows) {
    const count = Math.min(rows, n - first);
    const [lossSoFar, dTableSoFar] = [loss, dTable];
    const part = tf.tidy(() => {
      const some = { hidden: hidden.slice([first, 0], [count, d]), table, labels: labels.slice([first], [count]) };
      const { correct, dHidden, ...of } = form(some, attrs, n);
      return {
        correct,
        dHidden,
        loss: lossSoFar ? of.loss.add<tf.Scalar>(lossSoFar) : of.loss,
        dTable: dTableSoFar && attrs.gradients ? of.dTable.add(dTableSoFar) : of.dTable,
      };
    });
    tf.dispose([lossSoFar, dTableSoFar].filter((tensor) => tensor !== undefined));
    ({ loss, dTable } = part);
    parts.push(part);
  }
  const joined = <T extends tf.Tensor>(tensors: readonly tf.Tensor[]) => {
    const whole = tf.concat([...tensors]) as T;
    tf.dispose([...tensors]);
    return whole;
  };
  return {
    loss: loss as tf.Scalar,
    dTable: dTable as tf.Tensor,
    correct: joined<tf.Tensor1D>(parts.map(({ correct }) => correct)),
    dHidden: joined(parts.map(({ dHidden }) => dHidden)),
  };
}
