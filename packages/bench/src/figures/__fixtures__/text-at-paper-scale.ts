/** A text that is there in place of the one that users prepare for the paper's scale, with the paper's vocabulary. */
import type { FigureExperiment } from '../figure.js';
import { languageModels } from '../language-models.js';

/** Assignments that an experiment of a figure needs in tests, as `--set` takes them. */
export function testAssignments({ id }: FigureExperiment, scale: string): string[] {
  if (id !== languageModels.id || scale !== 'paper') return [];
  return [
    'task={ task: "@mixerzoo/text#text", corpus: factbook, seqLen: 2048 }',
    'model.vocabSize=32000',
    'train.validationTokens=131072',
    'train.testTokens=131072',
    'engine=tensorflow',
  ];
}
