/**
 * The six tasks of MAD (Poli et al. 2024, arXiv 2403.17844): their baseline settings, and the changes that are made to them, one at a
 * time. Sources: Section 3 and the appendix of the paper, and its repository (`configs/tasks/*.yml`, `mad/configs.py`).
 *
 * `paper` has all 66 settings, `small` the baselines and the first change of each kind, `quick` baselines of smaller sizes, and one change.
 *
 * Deviation: recall asks each key once, after all pairs (packages/tasks/README.md, Deviations).
 */
import type { TaskConfig } from '../experiment/experiment.js';
import type { Scale } from './scales.js';

/** A setting of a task: its options, and how many training examples there are where that is the change. */
export interface MadSetting {
  readonly options: Options;
  readonly trainExamples?: number;
}

type Options = Readonly<Record<string, unknown>> & { readonly seqLen: number };

export interface MadTask {
  /** Names the experiment. */
  readonly id: string;
  /** Heads the column. */
  readonly title: string;
  readonly task: TaskConfig;
  readonly quick: readonly Options[];
  readonly baseline: Options;
  /** At `paper`, in place of 12,800. */
  readonly trainExamples?: number;
  /** Values of an option, a change each. */
  readonly changes: Readonly<Record<string, readonly unknown[]>>;
  /** Numbers of training examples, a change each. */
  readonly fewerExamples: readonly number[];
}

const FEWER_EXAMPLES = [6400, 3200, 1600, 800];
const VOCABULARIES = [32, 64, 128];
const RECALL_LENGTHS = [256, 512, 1024];
const RECALL = {
  quick: [
    { seqLen: 48, vocabSize: 16 },
    { seqLen: 48, vocabSize: 32 },
  ],
  baseline: { seqLen: 128, vocabSize: 16 },
  changes: { vocabSize: VOCABULARIES, seqLen: RECALL_LENGTHS },
  fewerExamples: FEWER_EXAMPLES,
};

export const MAD_TASKS: readonly MadTask[] = [
  {
    id: 'mad-recall',
    title: 'Recall',
    task: { task: '@mixerzoo/tasks#mqar', queryPlacement: 'uniform' },
    ...RECALL,
  },
  {
    id: 'mad-fuzzy-recall',
    title: 'Fuzzy recall',
    task: { task: '@mixerzoo/tasks#fuzzyRecall', maxKeyLength: 3, distinctTokens: true, queryPlacement: 'uniform' },
    ...RECALL,
  },
  {
    id: 'mad-noisy-recall',
    title: 'Noisy recall',
    // MAD's V of 32, 48, 80 and 144 counts the 16 noise tokens.
    task: { task: '@mixerzoo/tasks#noisyRecall', noiseVocabSize: 16, queryPlacement: 'uniform' },
    quick: [
      { seqLen: 48, vocabSize: 16, noiseFraction: 0.2 },
      { seqLen: 48, vocabSize: 16, noiseFraction: 0.6 },
    ],
    baseline: { seqLen: 128, vocabSize: 16, noiseFraction: 0.2 },
    changes: { vocabSize: VOCABULARIES, seqLen: RECALL_LENGTHS, noiseFraction: [0.4, 0.6, 0.8] },
    fewerExamples: FEWER_EXAMPLES,
  },
  {
    id: 'mad-selective-copy',
    title: 'Selective copying',
    // MAD's V of 16, 32, 64 and 128 counts the noise token and the separator.
    task: { task: '@mixerzoo/tasks#selectiveCopy', noiseVocabSize: 1, answers: 'blank' },
    quick: [
      { seqLen: 48, signalVocabSize: 14, numSignals: 8 },
      { seqLen: 48, signalVocabSize: 14, numSignals: 16 },
    ],
    baseline: { seqLen: 256, signalVocabSize: 14, numSignals: 16 },
    changes: { signalVocabSize: [30, 62, 126], seqLen: [512, 1024], numSignals: [32, 64, 96] },
    fewerExamples: FEWER_EXAMPLES,
  },
  {
    id: 'mad-compression',
    title: 'Compression',
    task: { task: '@mixerzoo/tasks#compression' },
    quick: [
      { seqLen: 8, vocabSize: 16 },
      { seqLen: 16, vocabSize: 16 },
    ],
    baseline: { seqLen: 32, vocabSize: 16 },
    changes: { vocabSize: VOCABULARIES, seqLen: [64, 128, 256] },
    fewerExamples: FEWER_EXAMPLES,
  },
  {
    id: 'mad-memorization',
    title: 'Memorization',
    task: { task: '@mixerzoo/tasks#memorization' },
    quick: [
      { seqLen: 32, vocabSize: 256 },
      { seqLen: 32, vocabSize: 1024 },
    ],
    baseline: { seqLen: 32, vocabSize: 256 },
    trainExamples: 256,
    changes: { vocabSize: [512, 1024, 2048, 4096, 8192] },
    fewerExamples: [],
  },
];

/** The settings of a task: the baseline, then each change to it alone. */
export function madSettings(task: MadTask, scale: Scale): readonly MadSetting[] {
  if (scale === 'quick') return task.quick.map((options) => ({ options }));
  const whole = scale === 'paper';
  const some = <T>(values: readonly T[]) => (whole ? values : values.slice(0, 1));
  const { baseline, changes, fewerExamples } = task;
  const base: MadSetting = {
    options: baseline,
    ...(whole && task.trainExamples && { trainExamples: task.trainExamples }),
  };
  return [
    base,
    ...Object.entries(changes).flatMap(([option, values]) =>
      some(values).map((value) => ({ ...base, options: { ...baseline, [option]: value } })),
    ),
    ...some(fewerExamples).map((trainExamples) => ({ ...base, trainExamples })),
  ];
}
