/** What came out of an experiment, in sentences computed from its numbers. */
import { fallInWords, optimizerInWords } from '../experiment/recipe.js';
import type { RunConfig, RunRecord } from '../runs/results.js';
import type { Entry, Outcome } from './entries.js';
import { formatCount, formatPercent, formatRatio, formatSeconds, inPercent, listWords, plural } from './format.js';
import { formatOpen } from './table.js';

/** One sentence on an entry. */
export interface Finding {
  readonly entry: Entry;
  readonly text: string;
}

/** A finding per entry, in the entries' order. The text goes on from the entry's name. */
export function findings(entries: readonly Entry[]): Finding[] {
  return entries.map((entry) => {
    const { outcome } = entry;
    if (!outcome) return { entry, text: `has no result: ${formatOpen(entry)}.` };
    return {
      entry,
      text: `${atTrainLength(entry.trainLength, outcome)}${beyond(entry, outcome)}${onItsOwn(outcome)}.`,
    };
  });
}

function atTrainLength(trainLength: number, { to99, selected, accuracy, steps }: Outcome): string {
  const mean = selected.length > 1 ? ` (mean of ${selected.length} seeds)` : '';
  const answers = `answers ${formatPercent(accuracy.value)} right at length ${trainLength}${mean}`;
  if (to99.reached === 0) return `${answers} after ${plural(steps, 'step')}`;
  const some = to99.reached < selected.length ? ` in ${to99.reached} of ${selected.length} runs` : '';
  return `reaches 99 % after ${plural(to99.step, 'step')} (${formatSeconds(to99.seconds)})${some}; it ${answers}`;
}

function onItsOwn({ freeRunning }: Outcome): string {
  if (!freeRunning) return '';
  const { accuracy, exactMatch } = freeRunning;
  return `; going on from its own answers, ${formatPercent(accuracy.value)} (whole answers: ${formatPercent(exactMatch.value)})`;
}

function beyond({ trainLength }: Entry, { lengths }: Outcome): string {
  const last = lengths.filter(({ seqLen }) => seqLen > trainLength).at(-1);
  if (!last) return '';
  return `, ${formatPercent(last.accuracy.value)} at length ${last.seqLen} (${formatRatio(last.seqLen / trainLength)} × as long)`;
}

/** `4 models, 5 runs: 3 finished, 1 failed, 1 not finished.` */
export function countRuns(entries: readonly Entry[]): string {
  const runs = entries.flatMap((entry) => entry.runs);
  const open = entries.flatMap((entry) => entry.open);
  const count = (status: string) => open.filter((run) => run.status === status).length;
  const models = plural(new Set(entries.map((entry) => entry.label)).size, 'model');
  const parts = [
    [runs.length - open.length, 'finished'],
    [count('failed'), 'failed'],
    [count('partial'), 'not finished'],
    [count('missing'), 'not started'],
  ] as const;
  if (open.length === 0) return `${models}, ${plural(runs.length, 'run')}, ${runs.length > 1 ? 'all ' : ''}finished.`;
  const told = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
  return `${models}, ${plural(runs.length, 'run')}: ${listWords(told)}.`;
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
  const stop = train.stopAt === null ? '' : `, fewer when validation reaches ${inPercent(train.stopAt)} %`;
  return `${plural(steps, 'step')} of ${train.batchSize} examples${stop} (${examples})`;
}

/** The optimizer in words, with the learning rates tried. */
export function recipes(runs: readonly RunRecord[]): string[] {
  const rates = [...new Set(runs.map(({ config }) => config.learningRate))].sort((a, b) => a - b);
  const tried = rates.length === 1 ? `learning rate ${rates[0]}` : `learning rates ${listWords(rates.map(String))}`;
  return [
    ...new Set(
      runs.map(({ config: { train } }) =>
        [
          'AdamW',
          ...optimizerInWords(train),
          `${tried}${fallInWords(train) || ', constant'}`,
          ...(train.warmupSteps > 0 ? [`${plural(train.warmupSteps, 'step')} of warm-up`] : []),
          ...(train.clipNorm === null ? [] : [`gradients clipped at norm ${train.clipNorm}`]),
        ].join(', '),
      ),
    ),
  ];
}
