/** How fast the engine in use multiplies: what the speed of a training is a share of. */
import { currentEngine } from '../engines/index.js';
import * as tf from '../tf.js';
import { yieldToEventLoop } from './yield.js';

const SIZE = 512;
const PRODUCTS = 8;
const BATCHES = 12;

const measured = new Map<string, Promise<number>>();

/**
 * FLOP/s of products of two [512, 512] matrices, the fastest of a few batches of them: once a process and engine. A moment
 * on most engines; less products where one takes long.
 * @throws EngineError if no engine is in use.
 */
export function measurePeak(): Promise<number> {
  const { name } = currentEngine();
  const found = measured.get(name) ?? measure();
  measured.set(name, found);
  return found;
}

async function measure(): Promise<number> {
  const a = tf.fill<tf.Rank.R2>([SIZE, SIZE], 0.5);
  const product = async (count: number) => {
    const start = performance.now();
    const probe = tf.tidy(() => {
      let last: tf.Tensor2D = a;
      for (let n = 0; n < count; n += 1) last = tf.matMul(a, a);
      return tf.slice(last, [0, 0], [1, 1]);
    });
    await probe.data();
    probe.dispose();
    await yieldToEventLoop();
    return (performance.now() - start) / 1000;
  };
  try {
    await product(1); // compiles, fills caches
    const once = await product(1);
    const count = Math.max(1, Math.min(PRODUCTS, Math.floor(0.1 / once)));
    let best = once;
    for (let batch = 0; batch < (count > 1 ? BATCHES : 1); batch += 1)
      best = Math.min(best, (await product(count)) / count);
    return (2 * SIZE ** 3) / best;
  } finally {
    a.dispose();
  }
}
