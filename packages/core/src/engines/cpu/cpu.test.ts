/** Plain JavaScript where it is there from the start, and what a page has in its place. */
import { afterAll, describe, expect, it } from 'vitest';
import * as tf from '../../tf.js';
import { useEngine } from '../index.js';
import './no-backend.js';

describe('what a page has before an engine', () => {
  afterAll(() => tf.removeBackend('none'));

  it('says at the first tensor what to call, and stands in no engine`s way', async () => {
    await tf.setBackend('none');
    expect(() => tf.tensor([1, 2])).toThrow(
      expect.objectContaining({
        code: 'engine',
        message: expect.stringMatching(/got none\. Call `await useEngine\(\)`/),
      }),
    );
    await useEngine('cpu');
    expect([...(await tf.tensor([1, 2]).mul(2).data())]).toEqual([2, 4]);
  });

  it('is never taken where there is another', () => {
    expect(tf.engine().registryFactory['none']?.priority).toBeLessThan(
      tf.engine().registryFactory['cpu']?.priority as number,
    );
  });
});
