/** Plain JavaScript: the slow yardstick. */
import * as tf from '../../tf.js';
import type { Engine } from '../engine.js';

/** Starts the cpu engine. */
export async function openCpuEngine(): Promise<Engine> {
  await import('./backend.js');
  await tf.setBackend('cpu');
  return { name: 'cpu', description: 'plain JavaScript, the slow yardstick', details: {} };
}
