/** What came out of an experiment, in sentences computed from its numbers. */
import type { RunConfig, RunRecord } from '../results.js';
import type { Entry, LengthOutcome, Outcome } from './entries.js';
import { formatCount, formatPercent, formatRatio, formatSeconds, listWords, plural } from './format.js';
import { formatOpen } from './table.js';

/** One sentence on an entry. */
export interface Finding {
  readonly entry: Entry;
  /** How it did: reached 99 %, fell short of it, or has no result. */
  readonly kind: 'solved' | 'unsolved' | 'open';
  readonly text: string;
}

/** A finding per entry, in the entries' order. The text goes on from the entry's name. */
export function findings(entries: readonly Entry[]): Finding[] {
  return entries.map((entry) => {
    const { outcome } = entry;
    if (!outcome) return { entry, kind: 'open', text: `${formatOpen(entry)}.` };
    const solved = outcome.accuracy.value >= 0.99;
    return {
      entry,
      kind: solved ? 'solved' : 'unsolved',
      text: `${atTrainLength(entry, outcome)} ${beyond(entry, outcome)}`.trimEnd(),
    };
  });
}

function atTrainLength({ trainLength }: Entry, outcome: Outcome): string {
  const { to99, selected, accuracy, chance, steps } = outcome;
  const of = selected.length > 1 ? ` on average over ${selected.length} seeds` : '';
  const answers = `answers ${formatPercent(accuracy.value)} of the test queries right at length ${trainLength}${of}`;
  if (to99.reached === 0) return `${answers} after ${plural(steps, 'step')} (guessing: ${formatPercent(chance)}).`;
  const some = to99.reached < selected.length ? ` in ${to99.reached} of ${selected.length} runs` : '';
  return `reaches 99 % after ${plural(to99.step, 'step')} (${formatSeconds(to99.seconds)})${some} and ${answers}.`;
}

function beyond({ trainLength }: Entry, { lengths, accuracy }: Outcome): string {
  const longer = lengths.filter(({ seqLen }) => seqLen > trainLength);
  const last = longer.at(-1);
  if (!last) return '';
  const reach = `${formatRatio(last.seqLen / trainLength)} times the training length`;
  const held = (length: LengthOutcome) => length.accuracy.value >= 0.99;
  if (longer.every(held))
    return `It holds 99 % up to length ${last.seqLen}, ${reach}: ${formatPercent(last.accuracy.value)}.`;
  const verb = last.accuracy.value < accuracy.value - 0.005 ? 'falls to' : 'is at';
  return `At length ${last.seqLen}, ${reach}, it ${verb} ${formatPercent(last.accuracy.value)}.`;
}

/** `4 models, 5 runs: 3 finished, 1 failed, 1 not finished.` */
export function countRuns(entries: readonly Entry[]): string {
  const runs = entries.flatMap((entry) => entry.runs);
  const open = entries.flatMap((entry) => entry.open);
  const count = (status: string) => open.filter((run) => run.status === status).length;
  const parts = [
    [runs.length - open.length, 'finished'],
    [count('failed'), 'failed'],
    [count('partial'), 'not finished'],
    [count('missing'), 'not started'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
  return `${plural(new Set(entries.map((entry) => entry.label)).size, 'model')}, ${plural(runs.length, 'run')}: ${listWords(told)}.`;
}

/** The training budget in a sentence, one per distinct budget. */
export function budgets(runs: readonly RunRecord[]): string[] {
  return [...new Set(runs.map(({ config }) => budget(config)))];
}

function budget({ train }: RunConfig): string {
  const steps = train.epochs * train.stepsPerEpoch;
  const examples = train.freshExamples
    ? `${formatCount(steps * train.batchSize)} examples, each seen once`
    : `${formatCount(train.stepsPerEpoch * train.batchSize)} examples, each seen ${train.epochs} times`;
  const stop = train.stopAt === null ? '' : `, fewer when validation reaches ${formatPercent(train.stopAt)}`;
  return `${plural(steps, 'step')} of ${train.batchSize} examples${stop} (${examples})`;
}

/** The optimizer in words. */
export function recipes(runs: readonly RunRecord[]): string[] {
  return [
    ...new Set(
      runs.map(({ config: { train } }) =>
        [
          'AdamW',
          `weight decay ${train.weightDecay}`,
          train.schedule === 'cosine' ? 'learning rate falling to 0 by a cosine' : 'constant learning rate',
          ...(train.warmupSteps > 0 ? [`${plural(train.warmupSteps, 'step')} of warm-up`] : []),
          ...(train.clipNorm === null ? [] : [`gradients clipped at norm ${train.clipNorm}`]),
        ].join(', '),
      ),
    ),
  ];
}
