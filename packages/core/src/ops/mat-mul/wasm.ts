/** Matrix product on the wasm engine: every transpose, batches, broadcast batches. */
import type { WasmKernel } from '../../engines/wasm-kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';
import { code } from './kernel.generated.js';

type Inputs = { a: tf.Tensor; b: tf.Tensor };
type Attrs = { transposeA: boolean; transposeB: boolean };

/** The kernel behind `tf.matMul`: a [..., m, k], b [..., k, n], each possibly stored transposed. */
export const matMulKernel: WasmKernel<Inputs, Attrs, { y: tf.Tensor }> = {
  code,
  run(wasm, { a, b }, { transposeA, transposeB }) {
    const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
    const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
    const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    if (inner !== k) {
      throw new ShapeError(`matMul: expected equal inner sizes, got ${formatShape(a.shape)} and ${formatShape(b.shape)}.`);
    }
    const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const y = wasm.output([...batchShape, m, n] as never) as tf.Tensor;
    const groups = batchGroups(batchShape, a.shape.slice(0, -2), b.shape.slice(0, -2));
    const [aAt, bAt, yAt] = [wasm.pointer(a), wasm.pointer(b), wasm.pointer(y)];
    groups.offsets.forEach(([aBatch, bBatch], group) => {
      wasm.parallel(
        'multiplyRows', groups.size * m,
        aAt + 4 * aBatch * m * k, groups.aStep * m * k, transposeA ? 1 : k, transposeA ? m : 1,
        bAt + 4 * bBatch * k * n, groups.bStep * k * n, transposeB ? 1 : n, transposeB ? k : 1,
        yAt + 4 * group * groups.size * m * n, m, k, n,
      );
    });
    return { y };
  },
};

/**
 * Divides the batches into runs that a constant step walks through in a and in b: one run when the batch shapes are
 * equal or one of them is a single matrix.
 */
function batchGroups(shape: readonly number[], aShape: readonly number[], bShape: readonly number[]) {
  const size = tf.util.sizeFromShape([...shape]);
  const aSize = tf.util.sizeFromShape([...aShape]);
  const bSize = tf.util.sizeFromShape([...bShape]);
  if ((aSize === size || aSize === 1) && (bSize === size || bSize === 1)) {
    return { size, aStep: aSize === size ? 1 : 0, bStep: bSize === size ? 1 : 0, offsets: [[0, 0]] as [number, number][] };
  }
  const offsets = Array.from({ length: size }, (_, batch): [number, number] => [
    broadcastIndex(batch, shape, aShape),
    broadcastIndex(batch, shape, bShape),
  ]);
  return { size: 1, aStep: 0, bStep: 0, offsets };
}

/** The index in an array of `shape` that element `index` of its broadcast to `full` reads. */
function broadcastIndex(index: number, full: readonly number[], shape: readonly number[]): number {
  let [rest, stride, found] = [index, 1, 0];
  for (let axis = 1; axis <= full.length; axis += 1) {
    const extent = full.at(-axis) as number;
    const own = shape.at(-axis) ?? 1;
    if (own > 1) found += (rest % extent) * stride;
    stride *= own;
    rest = Math.floor(rest / extent);
  }
  return found;
}
