import { beforeAll, expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import * as tf from '../tf.js';
import { restoreTrees, snapshotTrees } from './snapshot.js';

beforeAll(async () => {
  await useEngine();
});

it('restores a tree as it was: branches without a tensor, ties and names of every kind', async () => {
  const tied = tf.tensor1d([1, 2]);
  const hidden = Object.fromEntries([['__proto__', { x: tf.tensor1d([3]) }]]) as { [name: string]: { x: tf.Tensor1D } };
  const params = { a: tied, empty: {}, none: undefined, b: { c: tied }, hidden };
  const tensors = await snapshotTrees({ params });
  expect([...tensors.keys()]).toEqual(['params.a', 'params.b.c', 'params.hidden.__proto__.x']);
  const restored = restoreTrees(tensors, { params }, 'file').params;
  expect(Object.keys(restored)).toEqual(['a', 'empty', 'none', 'b', 'hidden']);
  expect(restored.empty).toEqual({});
  expect(restored.b.c).toBe(restored.a);
  expect([...(await restored.a.data())]).toEqual([1, 2]);
  expect(Object.hasOwn(restored.hidden, '__proto__')).toBe(true);
  expect((Object.prototype as unknown as Record<string, unknown>)['x']).toBeUndefined();
});
