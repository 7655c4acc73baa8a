/** Attention of long sequences by blocks of queries, where a form holds the whole map of a block: reference and tensorflow. */
import { tf } from '@mixerzoo/core';
import type { Attrs, Inputs, Outputs } from './types.js';

/** Elements of a map, over all heads: 256 MiB. */
const MOST_ELEMENTS = 2 ** 26;

/**
 * A form of attention that never holds more than `mostElements` of the map, or the map of one query. A block sees the keys from its
 * first query's window to its last query. With dropout it is left whole: masks count the elements of the whole map.
 */
export function byQueryBlocks(
  attend: (inputs: Inputs, attrs: Attrs) => Outputs,
  mostElements = MOST_ELEMENTS,
): (inputs: Inputs, attrs: Attrs) => Outputs {
  return (inputs, attrs) => {
    const { q, k, v, slopes } = inputs;
    const { nHeads, window, dropoutRate } = attrs;
    const [batch, queries] = q.shape;
    const keys = k.shape[1];
    const rows = Math.max(1, Math.floor(mostElements / (batch * nHeads * keys)));
    if (rows >= queries || dropoutRate > 0) return attend(inputs, attrs);
    const offset = keys - queries;
    const blocks = Array.from({ length: Math.ceil(queries / rows) }, (_, block) =>
      tf.tidy(() => {
        const first = block * rows;
        const count = Math.min(rows, queries - first);
        const from = window > 0 ? Math.max(0, offset + first + 1 - window) : 0;
        const seen = (x: tf.Tensor3D) => tf.slice(x, [0, from, 0], [-1, offset + first + count - from, -1]);
        return attend({ q: tf.slice(q, [0, first, 0], [-1, count, -1]), k: seen(k), v: seen(v), slopes }, attrs);
      }),
    );
    return {
      o: tf.concat(
        blocks.map(({ o }) => o),
        1,
      ),
      logSumExp: tf.concat(
        blocks.map(({ logSumExp }) => logSumExp),
        2,
      ),
    };
  };
}
