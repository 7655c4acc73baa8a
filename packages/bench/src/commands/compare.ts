/** `mixerzoo compare`: two directories of runs, what differs, and whether it is more than chance. */
import { resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import Table from 'cli-table3';
import { type Comparison, compareRuns } from '../report/compare.js';
import { formatNats, SCORES } from '../report/score.js';
import { loadRuns } from '../runs/read-results.js';
import { print, printJson, visibleLine } from '../terminal.js';
import { createFaultLog } from './fault-log.js';

/** A corrected p-value below this is called a difference. */
const LEVEL = 0.05;

/** What a p-value is from. */
const TESTS = {
  seeds: "Welch's t-test over seeds",
  text: '* one seed, or seeds that agree: t-test over stretches of the test text, paired, which speaks of these trained models only',
  examples: '* one seed, or seeds that agree: z-test over examples, which speaks of these trained models only',
} as const;

/** @returns the exit code: 1 if a record cannot be read. @throws InvalidConfigError if the two have nothing to compare. */
export async function compare(a: string, b: string, flags: { json?: boolean }): Promise<number> {
  const faults = createFaultLog();
  const runsA = await loadRuns(resolve(a), faults.count);
  const runsB = await loadRuns(resolve(b), faults.count);
  const { comparisons, onlyA, onlyB } = compareRuns(runsA, runsB);
  if (comparisons.length === 0) {
    throw new InvalidConfigError(
      `compare: expected a model that both have in the same setting, got ${describe(onlyA)} in ${a} and ${describe(onlyB)} in ${b}.`,
    );
  }
  if (flags.json) {
    printJson({ comparisons, onlyA, onlyB });
    return faults.exitCode(0);
  }
  print(comparisonTable(comparisons));
  const by = new Set(comparisons.map(({ difference }) => difference.by));
  const corrected = comparisons.length > 1 ? `, corrected for ${comparisons.length} comparisons (Holm)` : '';
  print(`p: ${[...by].map((test) => TESTS[test]).join('; ')}${corrected}.`);
  for (const [side, names] of [[a, onlyA] as const, [b, onlyB] as const]) {
    if (names.length > 0) print(visibleLine(`Only in ${side}: ${names.join('; ')}.`));
  }
  return faults.exitCode(0);
}

const describe = (names: readonly string[]) => names.join('; ') || 'no finished run';

function comparisonTable(comparisons: readonly Comparison[]): string {
  const likelihood = comparisons.every(({ measure }) => measure === 'likelihood');
  const table = new Table({
    head: ['Model', 'Setting', 'Length', 'A', 'B', `B - A in ${likelihood ? 'nats' : 'points'} [95 %]`, 'p', ''],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const { model, setting, seqLen, measure, a, b, difference } of comparisons) {
    const { value, low, high, p, by } = difference;
    const byLoss = measure === 'likelihood';
    const { format } = SCORES[measure];
    const amount = (number: number | null) =>
      byLoss ? formatNats(number ?? undefined) : (100 * (number ?? Number.NaN)).toFixed(1);
    const unit = byLoss && !likelihood ? ' nats' : '';
    const verdict = !(p < LEVEL) ? 'no difference shown' : value > 0 !== byLoss ? 'B is better' : 'A is better';
    table.push([
      visibleLine(model),
      visibleLine(setting),
      String(seqLen),
      format(a),
      format(b),
      `${amount(value)} [${amount(low)}, ${amount(high)}]${unit}`,
      `${p < 0.001 ? '< 0.001' : p.toFixed(3)}${by === 'seeds' ? '' : '*'}`,
      verdict,
    ]);
  }
  return table.toString();
}
