/** Matrix product on the webgpu engine: every transpose, batches, broadcast batches. */
import { multiply } from '../../engines/webgpu/gemm.js';
import type { WebgpuKernel } from '../../engines/webgpu/kernel.js';
import { ShapeError } from '../../errors.js';
import * as tf from '../../tf.js';
import { formatShape } from '../../tree.js';

type Inputs = { a: tf.Tensor; b: tf.Tensor };
type Attrs = { transposeA: boolean; transposeB: boolean };

/** The kernel behind `tf.matMul`: a [..., m, k], b [..., k, n], each possibly stored transposed. */
export const matMulKernel: WebgpuKernel<Inputs, Attrs, { y: tf.Tensor }> = {
  run(gpu, { a, b }, { transposeA, transposeB }) {
    const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
    const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
    const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    if (inner !== k) {
      throw new ShapeError(
        `matMul: expected equal inner sizes, got ${formatShape(a.shape)} and ${formatShape(b.shape)}.`,
      );
    }
    const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const batches = tf.util.sizeFromShape(batchShape);
    const y = gpu.output([...batchShape, m, n]);
    const copies: tf.Tensor[] = [];
    /** Elements from one matrix to the next; matrices broadcast along some batch axes only are copied. */
    const stack = (x: tf.Tensor, transposed: boolean) => {
      const count = tf.util.sizeFromShape(x.shape.slice(0, -2));
      if (count === batches) return { tensor: x, transposed };
      if (count === 1) return { tensor: x, transposed, batch: 0 };
      const copy = tf.broadcastTo(x, [...batchShape, ...x.shape.slice(-2)]);
      copies.push(copy);
      return { tensor: copy, transposed };
    };
    multiply(gpu, { a: stack(a, transposeA), b: stack(b, transposeB), c: { tensor: y } }, { batches, m, k, n });
    tf.dispose(copies);
    return { y };
  },
};
