/** The worked tables of the file headers and the README, read by the oracles. */
import { IGNORED_LABEL, type Task } from '@mixerzoo/core/task';
import { expect, it } from 'vitest';
import {
  ar,
  compositionalMqar,
  copy,
  forgettingMqar,
  fuzzyRecall,
  modularArithmetic,
  mqar,
  mqnar,
  nar,
  noisyRecall,
  palindrome,
  selectiveCopy,
  stack,
  stateTracking,
} from './index.js';

const small = { vocabSize: 12, numKvPairs: 2 };
const tables: [string, Task, string, string][] = [
  ['mqar', mqar({ ...small, seqLen: 10 }), '2 8 4 7 4 0 0 0 2 0', '. . . . 7 . . . 8 .'],
  ['mqnar', mqnar({ ...small, seqLen: 12 }), '3 5 8 5 5 7 5 5 0 3 5 0', '. . . . . . . 7 . . 8 .'],
  ['ar', ar({ vocabSize: 12, seqLen: 8 }), '2 8 4 7 9 8 0 4', '. . . . . . . 7'],
  ['nar', nar({ ...small, seqLen: 8 }), '3 5 8 5 5 7 3 5', '. . . . . . . 8'],
  [
    'noisyRecall',
    noisyRecall({ ...small, seqLen: 12, noiseFraction: 1 / 3, noiseVocabSize: 2 }),
    '13 2 8 12 4 7 4 12 13 13 2 12',
    '. . . . . . 7 . . . 8 .',
  ],
  [
    'fuzzyRecall',
    fuzzyRecall({ ...small, seqLen: 12, maxKeyLength: 2 }),
    '5 8 3 5 7 0 3 5 0 5 0 0',
    '. . . . . . . 7 . 8 . .',
  ],
  [
    'selectiveCopy',
    selectiveCopy({ seqLen: 9, numSignals: 3, signalVocabSize: 4, noiseVocabSize: 2 }),
    '2 6 5 4 6 1 0 2 4',
    '. . . . . . 2 4 1',
  ],
  [
    'forgettingMqar',
    forgettingMqar({ ...small, seqLen: 12, numUpdates: 1 }),
    '2 8 4 7 2 11 4 0 0 0 2 0',
    '. . . . . . 7 . . . 11 .',
  ],
  [
    'compositionalMqar',
    compositionalMqar({ vocabSize: 18, seqLen: 24 }),
    '4 7 15 2 7 12 2 9 17 4 9 13 2 7 0 4 7 0 4 9 0 2 9 0',
    '. . . . . . . . . . . . . 12 . . 15 . . 13 . . 17 .',
  ],
  ['copy', copy({ symbolVocabSize: 4, seqLen: 8 }), '2 4 4 1 0 2 4 4', '. . . . 2 4 4 1'],
  ['palindrome', palindrome({ symbolVocabSize: 4, seqLen: 8 }), '2 4 4 1 0 1 4 4', '. . . . 1 4 4 2'],
  [
    'stack',
    stack({ numStacks: 2, symbolVocabSize: 4, seqLen: 16 }),
    '1 3 5 1 3 8 1 4 6 2 3 2 4 2 3 0',
    '. . . . . . . . . . 8 . 6 . 5 .',
  ],
  ['stateTracking, Z2', stateTracking({ seqLen: 8 }), '1 0 1 1 0 0 1 0', '1 1 0 1 1 1 0 0'],
  ['stateTracking, S3', stateTracking({ group: 'S3', seqLen: 6 }), '1 2 2 3 0 5', '1 3 1 2 2 3'],
  ['modularArithmetic', modularArithmetic({ seqLen: 8 }), '3 6 2 7 4 5 1 8', '. . . . . . . 1'],
];

it.each(tables)('%s has labels as in its table', (_, task, inputs, labels) => {
  const tokens = Int32Array.from(inputs.split(' '), Number);
  expect(tokens).toHaveLength(task.seqLen);
  const solved = [...task.solve!(tokens)].map((label) => (label === IGNORED_LABEL ? '.' : String(label)));
  expect(solved.join(' ')).toBe(labels);
  expect(labels.split(' ').filter((label) => label !== '.')).toHaveLength(task.labelsPerExample);
});
