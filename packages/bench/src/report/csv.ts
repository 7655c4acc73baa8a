/** The numbers of a report as CSV, unrounded. */
import { stringify } from 'csv-stringify/sync';
import type { Entry } from './entries.js';
import { verdict } from './likelihood-columns.js';
import { lossByPosition } from './loss-by-position.js';
import { calledFor, formatOpen } from './table.js';

/** The numbers of the table, unrounded: a row per entry. */
export function tableCsv(entries: readonly Entry[]): string {
  const likelihood = entries.some(({ measure }) => measure === 'likelihood');
  const searched = entries.some(({ runs }) => runs.some(({ config }) => config.search));
  return toCsv(
    entries.map((entry) => {
      const { outcome } = entry;
      return {
        setting: entry.setting,
        model: entry.label,
        status: outcome ? 'done' : formatOpen(entry),
        runs: entry.runs.length,
        runsDone: entry.runs.length - entry.open.length,
        runsAveraged: outcome?.selected.length,
        ...(searched && {
          runsLeftOut: entry.runs.length - calledFor(entry),
          searchSteps: outcome?.searchCost?.steps,
          searchSeconds: outcome?.searchCost?.seconds,
          finalSteps: outcome?.finalCost.steps,
          finalSeconds: outcome?.finalCost.seconds,
        }),
        learningRate: outcome?.learningRate,
        trainLength: entry.trainLength,
        accuracy: outcome?.accuracy.value,
        accuracyLow: outcome?.accuracy.low,
        accuracyHigh: outcome?.accuracy.high,
        accuracyBest: outcome?.best,
        exactMatch: outcome?.exactMatch?.value,
        exactMatchLow: outcome?.exactMatch?.low,
        exactMatchHigh: outcome?.exactMatch?.high,
        freeRunning: outcome?.freeRunning?.accuracy.value,
        freeRunningExactMatch: outcome?.freeRunning?.exactMatch.value,
        chance: outcome?.chance,
        runsTo99: outcome?.to99.reached,
        stepsTo99: outcome?.to99.step,
        secondsTo99: outcome?.to99.seconds,
        steps: outcome?.steps,
        trainSeconds: outcome?.trainSeconds,
        parameters: outcome?.parameters,
        stateSize: outcome?.stateSize,
        flops: outcome?.flops,
        tokensPerSecond: outcome?.tokensPerSecond,
        stepMs: outcome?.stepMs,
        peakMemoryBytes: outcome?.peakMemoryBytes,
        ...(likelihood && {
          loss: outcome?.loss.value,
          lossLow: outcome?.loss.low,
          lossHigh: outcome?.loss.high,
          bitsPerByte: outcome?.bitsPerByte,
          tokens: outcome?.tokens,
          peakShare: outcome?.peakShare,
          bestBaseline: outcome?.baselines[0]?.name,
          bestBaselineLoss: outcome?.baselines[0]?.loss,
          beatsBaseline: outcome && verdict(outcome),
        }),
        message: entry.open.map(({ message }) => message).join('; '),
      };
    }),
  );
}

/** Test accuracy and loss by length: a row per entry and length. */
export function lengthsCsv(entries: readonly Entry[]): string {
  const likelihood = entries.some(({ measure }) => measure === 'likelihood');
  return toCsv(
    entries.flatMap((entry) =>
      (entry.outcome?.lengths ?? []).map(
        ({ seqLen, accuracy, exactMatch, loss, lossEstimate, bitsPerByte, stateSize, flops, freeRunning }) => ({
          setting: entry.setting,
          model: entry.label,
          trainLength: entry.trainLength,
          seqLen,
          accuracy: accuracy.value,
          accuracyLow: accuracy.low,
          accuracyHigh: accuracy.high,
          exactMatch: exactMatch?.value,
          exactMatchLow: exactMatch?.low,
          exactMatchHigh: exactMatch?.high,
          freeRunning: freeRunning?.accuracy.value,
          freeRunningExactMatch: freeRunning?.exactMatch.value,
          loss,
          ...(likelihood && {
            lossLow: lossEstimate.low,
            lossHigh: lossEstimate.high,
            perplexity: Math.exp(loss),
            bitsPerByte,
          }),
          stateSize,
          flops,
        }),
      ),
    ),
    ['setting', 'model', 'trainLength', 'seqLen', 'accuracy'],
  );
}

/** Loss by position within the longest windows of the test, in the bins of the chart; undefined where none was recorded. */
export function positionsCsv(entries: readonly Entry[]): string | undefined {
  const rows = entries.flatMap((entry) =>
    lossByPosition(entry).map(({ start, end, loss }) => ({
      setting: entry.setting,
      model: entry.label,
      trainLength: entry.trainLength,
      start,
      end,
      loss,
    })),
  );
  return rows.length > 0 ? toCsv(rows) : undefined;
}

/** Test accuracy by what tasks tell answers apart by: a row per entry, length, slice and bin. */
export function slicesCsv(entries: readonly Entry[]): string {
  return toCsv(
    entries.flatMap((entry) =>
      (entry.outcome?.lengths ?? []).flatMap(({ seqLen, slices }) =>
        slices.flatMap(({ name, bins }) =>
          bins.map(({ from, to, answers, accuracy }) => ({
            setting: entry.setting,
            model: entry.label,
            trainLength: entry.trainLength,
            seqLen,
            slice: name,
            from,
            to,
            answers,
            accuracy: accuracy.value,
            accuracyLow: accuracy.low,
            accuracyHigh: accuracy.high,
          })),
        ),
      ),
    ),
  );
}

/**
 * CSV; numbers that are not there (NaN, null) are empty.
 * @param columns default: those of the first row. @param header whether they come first.
 */
export function toCsv(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns?: readonly string[],
  header = true,
): string {
  const headed = rows.length > 0 ? Object.keys(rows[0]!) : [...(columns ?? [])];
  return stringify([...rows], {
    header,
    columns: headed,
    escape_formulas: true,
    cast: { number: (value) => (Number.isFinite(value) ? String(value) : '') },
  });
}
