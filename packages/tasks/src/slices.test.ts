/** Slices by hand, of the examples of the README's tables. */
import { IGNORED_LABEL, type Task } from '@mixerzoo/core/task';
import { expect, it } from 'vitest';
import {
  ar,
  copy,
  forgettingMqar,
  fuzzyRecall,
  modularArithmetic,
  mqar,
  mqnar,
  noisyRecall,
  selectiveCopy,
  stack,
  stateTracking,
} from './index.js';
import { doublingBins, lengthBins, positionBins, singleBins } from './slices.js';

/** The values of each slice, by its name, of examples given by their inputs. */
function valuesOf(task: Task, ...rows: readonly (readonly number[])[]): Record<string, number[]> {
  const inputs = Int32Array.from(rows.flat());
  const labels = Int32Array.from(rows.flatMap((row) => [...task.solve!(Int32Array.from(row))]));
  const slices = task.slices!({ count: rows.length, seqLen: task.seqLen, inputs, labels });
  expect(labels.filter((label) => label !== IGNORED_LABEL)).toHaveLength(slices[0]!.values.length);
  return Object.fromEntries(slices.map(({ name, values }) => [name, [...values]]));
}

it('tells queries apart by pairs, gap and position', () => {
  const task = mqar({ vocabSize: 12, seqLen: 10, numKvPairs: 2 });
  const [first, second] = [
    [2, 8, 4, 7, 4, 0, 0, 0, 2, 0],
    [3, 8, 4, 7, 3, 0, 4, 0, 0, 0],
  ];
  expect(valuesOf(task, first!, second!)).toEqual({
    'pairs in context': [2, 2, 2, 2],
    'gap between key and query (tokens)': [2, 8, 4, 4],
    'position of the query (tokens)': [4, 8, 4, 6],
  });
  const single = ar({ vocabSize: 12, seqLen: 8, numKvPairs: 3, form: 'zoology' });
  expect(valuesOf(single, [2, 8, 4, 7, 3, 9, 0, 4])).toEqual({
    'pairs in context': [3],
    'gap between key and query (tokens)': [5],
  });
  const noisy = noisyRecall({ vocabSize: 12, noiseVocabSize: 2, seqLen: 12, numKvPairs: 2, noiseFraction: 1 / 3 });
  expect(valuesOf(noisy, [13, 2, 8, 12, 4, 7, 4, 12, 13, 13, 2, 12])).toMatchObject({
    'gap between key and query (tokens)': [2, 9],
  });
});

it('tells keys of several tokens apart by their length, and by how many end alike', () => {
  const task = mqnar({ vocabSize: 12, seqLen: 12, numKvPairs: 2, unigramPool: 2 });
  expect(valuesOf(task, [3, 5, 8, 5, 5, 7, 5, 5, 0, 3, 5, 0])).toEqual({
    'pairs in context': [2, 2],
    'gap between key and query (tokens)': [3, 9],
    'position of the query (tokens)': [7, 10],
    'keys that end in the token of the query': [2, 2],
  });
  const fuzzy = fuzzyRecall({ vocabSize: 12, maxKeyLength: 2, seqLen: 12, numKvPairs: 2, unigramPool: 2 });
  expect(valuesOf(fuzzy, [5, 8, 3, 5, 7, 0, 3, 5, 0, 5, 0, 0])).toMatchObject({
    'gap between key and query (tokens)': [4, 9],
    'keys that end in the token of the query': [2, 2],
    'length of the key (tokens)': [2, 1],
  });
});

it('tells copies apart by the gap to the first mention, and by place', () => {
  const sizes = { signalVocabSize: 4, noiseVocabSize: 2, numSignals: 3 };
  const plain = selectiveCopy({ ...sizes, seqLen: 9 });
  expect(valuesOf(plain, [2, 6, 5, 4, 6, 1, 0, 2, 4])).toEqual({
    'signals to copy': [3, 3, 3],
    'gap between signal and answer (tokens)': [6, 4, 3],
    'place in the answer': [1, 2, 3],
  });
  const unique = selectiveCopy({ ...sizes, seqLen: 9, variant: 'unique', numRepeats: 1 });
  expect(valuesOf(unique, [2, 6, 2, 4, 6, 1, 0, 2, 4])).toMatchObject({
    'gap between signal and answer (tokens)': [6, 4, 3],
  });
});

it('tells states apart by how much they are composed of, copies by place, expressions by their operands', () => {
  expect(valuesOf(stateTracking({ seqLen: 4 }), [1, 0, 1, 1])).toEqual({ 'elements composed so far': [1, 2, 3, 4] });
  expect(valuesOf(copy({ symbolVocabSize: 4, seqLen: 6 }), [2, 4, 1, 0, 2, 4])).toEqual({
    'symbols to copy': [3, 3, 3],
    'place in the answer': [1, 2, 3],
  });
  const arithmetic = modularArithmetic({ seqLen: 6, minOperands: 2 });
  expect(valuesOf(arithmetic, [3, 5, 4, 8, 9, 9], [3, 5, 4, 7, 2, 8])).toEqual({ operands: [2, 3] });
});

it('tells keys apart that were updated, with the gap from the value that counts', () => {
  const task = forgettingMqar({ vocabSize: 12, seqLen: 12, numKvPairs: 2, numUpdates: 1 });
  expect(valuesOf(task, [2, 8, 4, 7, 2, 11, 4, 0, 0, 0, 2, 0])).toEqual({
    'pairs in context': [2, 2],
    'gap between key and query (tokens)': [4, 6],
    'position of the query (tokens)': [6, 10],
    'updates of the key': [0, 1],
  });
});

it('tells pops apart by what lies on the stack, and by pushes since', () => {
  const task = stack({ numStacks: 2, symbolVocabSize: 4, seqLen: 16 });
  expect(valuesOf(task, [1, 3, 5, 1, 3, 8, 1, 4, 6, 2, 3, 2, 4, 2, 3, 0])).toEqual({
    'symbols on the stack before the pop': [2, 1, 1],
    'pushes since that of the symbol, itself included': [2, 1, 3],
    'gap between push and pop (tokens)': [5, 4, 12],
    'position of the pop (tokens)': [10, 12, 14],
  });
});

it('has bins without gaps up to the end', () => {
  expect(lengthBins(1)).toEqual(singleBins(1, 1));
  for (const largest of [5, 8]) {
    expect(lengthBins(largest)).toEqual([...singleBins(1, 2), { from: 3, to: 4 }, { from: 5, to: 8 }]);
  }
  expect(doublingBins(9)).toEqual([
    { from: 1, to: 1 },
    { from: 2, to: 3 },
    { from: 4, to: 7 },
    { from: 8, to: 15 },
  ]);
  expect(positionBins(20).map(({ from }) => from)).toEqual([0, 2, 5, 7, 10, 12, 15, 17]);
  expect(positionBins(20).at(-1)).toEqual({ from: 17, to: 19 });
  expect(positionBins(2)).toEqual(singleBins(0, 1));
});
