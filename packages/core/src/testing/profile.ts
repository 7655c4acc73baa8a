/** Counting what a computation does, by TensorFlow.js's own profiler. */
import * as tf from '../tf.js';

/** FLOPs of the matrix products in `body` (2 per multiply-add), from the shapes the profiler saw. */
export async function profiledMatMulFlops(body: () => tf.Tensor): Promise<number> {
  let flops = 0;
  const { kernels, result } = await tf.profile(() => body());
  tf.dispose(result as tf.TensorContainer);
  for (const kernel of kernels) {
    if (kernel.name !== 'BatchMatMul') continue;
    const output = kernel.outputShapes[0] as number[];
    const [a, b] = kernel.inputShapes as [number[], number[]];
    // Whatever the transposes: |a| |b| / |c| is the square of (inner size times batch).
    const batch = output.slice(0, -2).reduce((product, size) => product * size, 1);
    const [m, n] = output.slice(-2) as [number, number];
    const sizes = (shape: number[]) => shape.reduce((product, size) => product * size, 1) / batch;
    const inner = Math.sqrt((sizes(a) * sizes(b)) / (m * n));
    flops += 2 * batch * m * n * inner;
  }
  return flops;
}
