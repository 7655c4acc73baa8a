/** The columns of models that are judged by likelihood, and the rows of what simple models of the same text score. */
import type { Baseline } from '@mixerzoo/core';
import type { Entry } from './entries.js';
import { formatCount, formatPercent, formatPerplexity, NO_VALUE } from './format.js';
import type { Outcome } from './outcome.js';
import { formatLossEstimate, formatNats, LENGTH_SCORES } from './score.js';
import type { Column } from './table.js';

/** A simple model of the text of a setting. */
export interface BaselineRow extends Baseline {
  readonly setting: string;
  /** On the text of the test at the training length; NaN where tokens have no bytes. */
  readonly bitsPerByte: number;
}

/** The simple models that finished runs know of, best first, once a setting. */
export function baselineRows(entries: readonly Entry[]): BaselineRow[] {
  const settings = [...new Set(entries.map(({ setting }) => setting))];
  return settings.flatMap((setting) => {
    const outcome = entries.find(
      (entry) => entry.setting === setting && (entry.outcome?.baselines.length ?? 0) > 0,
    )?.outcome;
    if (!outcome) return [];
    const perNat = outcome.bitsPerByte / outcome.loss.value;
    return outcome.baselines.map(({ name, loss }) => ({ setting, name, loss, bitsPerByte: loss * perNat }));
  });
}

/** Loss, bits per byte and perplexities; whether the best of the simple models is beaten. */
export function likelihoodColumns(entries: readonly Entry[]): Column[] {
  const judged = entries.filter(({ measure }) => measure === 'likelihood');
  if (judged.length === 0) return [];
  const outcomes = judged.flatMap(({ outcome }) => outcome ?? []);
  const lengths = [...new Set(outcomes.flatMap((outcome) => outcome.lengths.map(({ seqLen }) => seqLen)))].sort(
    (a, b) => a - b,
  );
  const trainLengths = [...new Set(judged.map(({ trainLength }) => trainLength))];
  const at = trainLengths.length === 1 ? ` at ${trainLengths[0]}` : '';
  const column = (
    key: string,
    header: string,
    priority: number,
    text: (entry: Entry, outcome: Outcome) => string,
    baseline: (row: BaselineRow) => string = () => '',
  ): Column => ({
    key,
    header,
    priority,
    align: 'right',
    text: (entry, outcome) => (entry.measure === 'likelihood' ? text(entry, outcome) : NO_VALUE),
    baseline,
  });
  const byLength = (seqLen: number): Column => ({
    seqLen,
    ...column(
      `perplexity${seqLen}`,
      `Perplexity at ${seqLen} [95 %]`,
      trainLengths.includes(seqLen) || seqLen === lengths.at(-1) ? 1 : 2,
      (_, outcome) => {
        const found = outcome.lengths.find((length) => length.seqLen === seqLen);
        return found ? LENGTH_SCORES.likelihood.formatEstimate(LENGTH_SCORES.likelihood.of(found)) : NO_VALUE;
      },
      ({ loss }) => (trainLengths.includes(seqLen) ? formatPerplexity(Math.exp(loss)) : ''),
    ),
  });
  const best = outcomes.find(({ baselines }) => baselines.length > 0)?.baselines[0];
  return [
    column(
      'loss',
      `Nats${at} [95 %]`,
      0,
      (_, { loss }) => formatLossEstimate(loss),
      ({ loss }) => formatNats(loss),
    ),
    ...(outcomes.some(({ bitsPerByte }) => bitsPerByte > 0)
      ? [
          column(
            'bitsPerByte',
            'Bits per byte',
            1,
            (_, outcome) => formatNats(outcome.bitsPerByte),
            (row) => formatNats(row.bitsPerByte),
          ),
        ]
      : []),
    ...lengths.map(byLength),
    ...(best ? [column('beatsBaseline', `Better than ${best.name}`, 1, (_, outcome) => verdict(outcome))] : []),
    column('tokens', 'Tokens', 3, (_, outcome) => formatCount(outcome.tokens)),
    ...(outcomes.some(({ peakShare }) => peakShare > 0)
      ? [column('peakShare', 'Of peak', 4, (_, outcome) => formatPercent(outcome.peakShare))]
      : []),
    column('peakMemory', 'Memory', 4, (_, outcome) => formatMemory(outcome.peakMemoryBytes)),
  ];
}

const formatMemory = (bytes: number) =>
  Number.isFinite(bytes) ? `${formatCount(Math.round(bytes / 1e6))} MB` : NO_VALUE;

/** Whether the best of the simple models is beaten, and its whole interval with it. */
export function verdict({ loss, baselines: [best] }: Pick<Outcome, 'loss' | 'baselines'>): 'yes' | 'no' | 'not shown' {
  const { value, low, high } = loss;
  if (!best) return 'not shown';
  if ((high ?? value) < best.loss) return 'yes';
  return (low ?? value) > best.loss ? 'no' : 'not shown';
}
