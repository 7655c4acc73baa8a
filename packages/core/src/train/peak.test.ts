import { expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import * as tf from '../tf.js';
import { measurePeak } from './peak.js';

it('measures once, and frees what it made', async () => {
  await useEngine();
  const before = tf.memory().numTensors;
  const peak = await measurePeak();
  expect(peak).toBeGreaterThan(1e6);
  expect(peak).toBeLessThan(1e16);
  expect(await measurePeak()).toBe(peak);
  expect(tf.memory().numTensors).toBe(before);
});
