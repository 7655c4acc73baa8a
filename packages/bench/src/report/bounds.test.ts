/** A page of thousands of runs is of bounded size, and says what it leaves out. */
import { describe, expect, it } from 'vitest';
import { sampleRun } from './__fixtures__/sample-run.js';
import { groupEntries } from './entries.js';
import { reportPage } from './page.js';
import { runsTable } from './runs-table.js';
import { markdownTable } from './table.js';

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

const grid = (models: number, seeds: number) =>
  range(models).flatMap((model) =>
    range(seeds).map((seed) => {
      const accuracy = 0.5 + (0.4 * model) / models + 0.001 * seed;
      return sampleRun({ label: `Model ${model}`, seed, accuracies: [accuracy, accuracy / 2, accuracy / 3] });
    }),
  );

const rowsIn = (text: string) => text.match(/<tr/g)?.length ?? 0;

describe('a page of more than can be shown', () => {
  it('has the first models, counts the rest, and does not grow with it', async () => {
    const [few, many] = await Promise.all(
      [310, 620].map((models) => reportPage('Many', '', groupEntries(grid(models, 1)))),
    );
    expect(many).toContain('Shown are the first 300 of 620 models; all are in table.csv.');
    expect(many).toContain('Shown are the first 60 of 620 models; all are in lengths.csv and curves.csv.');
    expect(many).toContain('620 runs, together for each model and learning rate');
    expect(rowsIn(many!)).toBe(rowsIn(few!));
    expect(many!.length).toBeLessThan(1.05 * few!.length);
  }, 300_000);

  it('has a row for each model and rate, with the median of the seeds, where runs are too many', () => {
    const runs = grid(1, 301);
    const { text } = runsTable(groupEntries(runs));
    expect(rowsIn(text)).toBe(2);
    expect(text.replaceAll('\u00a0', ' ')).toContain('65.0 % [50.0 %, 80.0 %]');
    expect(rowsIn(runsTable(groupEntries(runs.slice(0, 300))).text)).toBe(301);
  });

  it('names the first runs without a result, and counts the rest', () => {
    const runs = range(310).map((seed) => sampleRun({ seed, failure: 'no such luck' }));
    const lines = markdownTable(groupEntries(runs)).match(/no such luck/g);
    expect(lines).toHaveLength(300);
    expect(markdownTable(groupEntries(runs))).toContain('10 more runs without a result: see runs.csv.');
  });
});
