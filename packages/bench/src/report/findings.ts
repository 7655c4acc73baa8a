/** What came out of an experiment, in sentences computed from its numbers. */
import { declaredInWords, fallInWords, optimizerInWords, warmupInWords } from '../experiment/recipe-words.js';
import type { RunRecord } from '../runs/results.js';
import { measureOf, type RunConfig } from '../runs/run-config.js';
import type { Entry } from './entries.js';
import { formatCount, formatPercent, formatRatio, formatSeconds, inPercent, listWords, plural } from './format.js';
import { verdict } from './likelihood-columns.js';
import type { Outcome } from './outcome.js';
import { formatNats, LENGTH_SCORES, tokensPerStep } from './score.js';
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
    if (entry.measure === 'likelihood') return { entry, text: `${byLikelihood(entry, outcome)}.` };
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

function byLikelihood({ trainLength }: Entry, outcome: Outcome): string {
  const { loss, bitsPerByte, baselines, lengths, selected, tokens } = outcome;
  const mean = selected.length > 1 ? `, mean of ${selected.length} seeds` : '';
  const bits = bitsPerByte > 0 ? `, ${formatNats(bitsPerByte)} bits per byte` : '';
  const [best] = baselines;
  const words = { yes: 'better than', no: 'worse than', 'not shown': 'about like' }[verdict(outcome)];
  const against = best ? `, ${words} ${best.name} (${formatNats(best.loss)})` : '';
  const last = lengths.filter(({ seqLen }) => seqLen > trainLength).at(-1);
  const { format, of } = LENGTH_SCORES.likelihood;
  const further = last
    ? `; perplexity ${format(of(last).value)} at length ${last.seqLen} (${formatRatio(last.seqLen / trainLength)} × as long)`
    : '';
  return `comes to ${formatNats(loss.value)} nats per token at length ${trainLength} (perplexity ${format(Math.exp(loss.value))}${bits}${mean}) after ${formatCount(tokens)} tokens${against}${further}`;
}

function onItsOwn({ freeRunning }: Outcome): string {
  if (!freeRunning) return '';
  const { accuracy, exactMatch } = freeRunning;
  return `; going on from its own answers, ${formatPercent(accuracy.value)} (exact match: ${formatPercent(exactMatch.value)})`;
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
    [count('leftOut'), 'left out by the search'],
  ] as const;
  if (open.length === 0) return `${models}, ${plural(runs.length, 'run')}, ${runs.length > 1 ? 'all ' : ''}finished.`;
  const told = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
  return `${models}, ${plural(runs.length, 'run')}: ${listWords(told)}.`;
}

/** The training budget in a sentence, one per distinct budget. */
export function budgets(runs: readonly RunRecord[]): string[] {
  return [...new Set(runs.map(({ config }) => budget(config)))];
}

function budget(config: RunConfig): string {
  const { train } = config;
  const steps = train.epochs * train.stepsPerEpoch;
  if (measureOf(config) === 'likelihood') {
    const stop = train.stopAt === null ? '' : `, fewer when validation reaches ${train.stopAt} nats`;
    const parts = train.accumulation === undefined ? '' : ` in ${train.accumulation} parts`;
    return `${plural(steps, 'step')} of ${train.batchSize} windows${parts}${stop} (${formatCount(steps * tokensPerStep(config))} tokens)`;
  }
  const examples = train.freshExamples
    ? `${formatCount(steps * train.batchSize)} examples, each seen once`
    : `${formatCount(train.stepsPerEpoch * train.batchSize)} examples, each seen ${train.epochs} times`;
  const stop = train.stopAt === null ? '' : `, fewer when validation reaches ${inPercent(train.stopAt)} %`;
  return `${plural(steps, 'step')} of ${train.batchSize} examples${stop} (${examples})`;
}

/** The optimizer in words, with the learning rates tried: once if it is the same for all models, else with theirs. */
export function recipes(runs: readonly RunRecord[]): string[] {
  const labels = [...new Set(runs.map(({ config }) => config.label))];
  const labelsOf = new Map<string, string[]>();
  for (const label of labels) {
    const own = runs.filter(({ config }) => config.label === label);
    const rates = ratesOf(own);
    for (const text of new Set(own.map(({ config }) => recipe(config, rates)))) {
      labelsOf.set(text, [...(labelsOf.get(text) ?? []), label]);
    }
  }
  if (labelsOf.size === 1) return [...labelsOf.keys()];
  return [...labelsOf].map(([text, labels]) => `${listWords(labels)}: ${text}`);
}

const ratesOf = (runs: readonly RunRecord[]) =>
  [...new Set(runs.map(({ config }) => config.learningRate))].sort((a, b) => a - b);

function recipe({ train, layers }: RunConfig, rates: readonly number[]): string {
  const tried = rates.length === 1 ? `learning rate ${rates[0]}` : `learning rates ${listWords(rates.map(String))}`;
  return [
    'AdamW',
    ...optimizerInWords(train),
    ...declaredInWords(layers),
    `${tried}${fallInWords(train) || ', constant'}`,
    ...warmupInWords(train),
    ...(train.clipNorm === null ? [] : [`gradients clipped at norm ${train.clipNorm}`]),
  ].join(', ');
}
