import { beforeAll, expect, it } from 'vitest';
import { currentEngine, useEngine } from '../../engines/index.js';
import { ShapeError } from '../../errors.js';
import { expectSame } from '../../testing/compare.js';
import { describeOp, testTensor } from '../../testing/index.js';
import * as tf from '../../tf.js';
import { setRow, setRowOp } from './index.js';

beforeAll(async () => {
  await useEngine();
});

const inputs = () => ({ x: testTensor<tf.Rank.R3>([3, 5, 7], 1), row: testTensor<tf.Rank.R2>([3, 7], 2) });

describeOp(setRowOp, [
  { name: 'the first row', inputs, attrs: { at: 0 } },
  { name: 'a row between', inputs, attrs: { at: 2 } },
  { name: 'the last row', inputs, attrs: { at: 4 } },
]);

it('writes in place on the wasm engine, and consumes what it was given', (context) => {
  if (currentEngine().name !== 'wasm') return context.skip('the other engines copy');
  const { x, row } = inputs();
  const { dataId } = x;
  const y = setRow(x, row, 1);
  expect(y.dataId).toBe(dataId);
  expect(x.isDisposed).toBe(true);
  tf.dispose([y, row]);
});

it('leaves the memory of a clone alone', async () => {
  const { x, row } = inputs();
  const [clone, before] = [x.clone(), tf.add(x, 0)];
  const y = setRow(x, row, 1);
  await expectSame(clone, before, 'the clone');
  await expectSame(tf.slice(y, [0, 1, 0], [-1, 1, -1]).squeeze([1]), row, 'the row');
  await expectSame(tf.slice(y, [0, 2, 0]), tf.slice(before, [0, 2, 0]), 'the rows after it');
});

it.each([-1, 5, 0.5])('refuses row %s of 5', (at) => {
  const { x, row } = inputs();
  expect(() => setRow(x, row, at)).toThrow(ShapeError);
  expect(() => setRow(x, row, at)).toThrow(`setRow: expected x [B, C, w], row [B, w] and a row below C`);
  tf.dispose([x, row]);
});
