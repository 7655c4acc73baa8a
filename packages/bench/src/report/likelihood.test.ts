import { describe, expect, it } from 'vitest';
import type { RunDone, RunRecord } from '../runs/results.js';
import { type SampleOptions, sampleConfig, sampleRun } from './__fixtures__/sample-run.js';
import { type Comparison, compareRuns } from './compare.js';
import { lengthsCsv, positionsCsv, tableCsv } from './csv.js';
import { groupEntries } from './entries.js';
import { findings } from './findings.js';
import { baselineRows, verdict } from './likelihood-columns.js';
import { lossByPosition } from './loss-by-position.js';
import { reportPage } from './page.js';
import { curvesCsv } from './run-csv.js';
import { markdownTable, terminalTable } from './table.js';
import { formatTable } from './write-report.js';

/** Of losses 6 (1 - p) at once, twice and four times the training length. */
const run = (label: string, p: number, options: SampleOptions = {}) =>
  sampleRun({ label, measure: 'likelihood', accuracies: [p, p - 0.05, p - 0.5], ...options });
const seeds = (label: string, ps: readonly number[]) => ps.map((p, seed) => run(label, p, { seed }));

/** The cells of the row that begins with a name, by head. */
function cells(markdown: string, name: string): Record<string, string> {
  const rows = markdown.split('\n').map((line) => line.split('|').map((cell) => cell.trim().replaceAll('\\', '')));
  const [heads] = rows;
  const row = rows.find(([, first]) => first === name)!;
  return Object.fromEntries(heads!.map((head, index) => [head, row[index]!]));
}

describe('a report by likelihood', () => {
  const runs = [...seeds('CAT', [0.8, 0.79, 0.81]), run('Attention', 0.7), run('Mamba', 0.75)];
  const entries = groupEntries(runs);

  it('orders by loss, and shows nats, bits per byte and perplexities with intervals, beside simple models', () => {
    expect(entries.map(({ label }) => label)).toEqual(['CAT', 'Mamba', 'Attention']);
    const table = markdownTable(entries);
    const cat = cells(table, 'CAT');
    expect(cat['Nats at 64 [95 %]']).toBe('1.200 [1.051, 1.349]'); // Student's t of 1.2 +- 0.06, n = 3: 4.303 x 0.06 / sqrt 3
    expect(cat['Bits per byte']).toBe((1.2 / 2 / Math.LN2).toFixed(3));
    expect(cat['Perplexity at 64 [95 %]']).toBe('3.320 [2.860, 3.854]');
    expect(cat['Better than 5-gram']).toBe('yes');
    expect(cat['Tokens']).toBe('205K');
    expect(cells(table, 'Mamba')['Better than 5-gram']).toBe('not shown');
    expect(cells(table, 'Attention')['Better than 5-gram']).toBe('no');
    expect(cells(table, 'Attention')['Nats at 64 [95 %]']).toBe('1.800 [1.775, 1.825]'); // 1.96 x 0.2 / sqrt 250
    expect(cells(table, '5-gram')).toMatchObject({
      'Nats at 64 [95 %]': '1.500',
      'Perplexity at 64 [95 %]': '4.482',
      State: '',
    });
    expect(table).not.toMatch(/Accuracy|99 %/);
    expect(terminalTable(entries)).toContain('unigram');
  });

  it('chooses learning rates, and best runs, by loss', () => {
    const [entry] = groupEntries([
      run('A', 0.7, { learningRate: 0.1, seed: 0 }),
      { ...run('A', 0.8, { learningRate: 0.01, seed: 0 }) },
    ]);
    expect(entry!.outcome!.learningRate).toBe(0.01);
    expect(entry!.outcome!.bestRun.config.learningRate).toBe(0.01);
    const misled = run('B', 0.7, { learningRate: 1, validation: 0.9 });
    const result = misled.result as { validation: { accuracy: number } };
    result.validation.accuracy = 0; // as who answers nothing right and is seldom far off
    expect(groupEntries([misled, run('B', 0.8, { learningRate: 0.1 })])[0]!.outcome!.learningRate).toBe(1);
  });

  it('says in sentences what came out', () => {
    const [best, , worst] = findings(entries);
    expect(best!.text).toBe(
      'comes to 1.200 nats per token at length 64 (perplexity 3.320, 0.866 bits per byte, mean of 3 seeds) after 205K tokens, better than 5-gram (1.500); perplexity 66.69 at length 256 (4 × as long).',
    );
    expect(worst!.text).toContain('worse than 5-gram (1.500)');
  });

  it('writes a page of losses alone, and what has no result too', async () => {
    const planned = { ...sampleConfig({ label: 'GLA', measure: 'likelihood' }) };
    const page = await reportPage('Text', '', groupEntries(runs, [planned]));
    for (const text of [
      'Perplexity by test length',
      'training tokens',
      'nats per token',
      '5-gram',
      'Loss by position',
      'means over bins of 8 positions, and over seeds',
      'CAT, positions 1 to 8: 4.249 nats', // at length 256: 6 x 0.7, and 0.1 x (31.5 - 0.5) / 63
      'trained at 64',
      'Loss against cost',
      'not started',
    ]) {
      expect(page.includes(text), text).toBe(true);
    }
    expect(
      /.{0,40}(answered right|[Aa]ccuracy|NaN|undefined).{0,20}/s.exec(page.replace(/<script.*/s, ''))?.[0],
    ).toBeUndefined();
    expect(formatTable(runs, { planned: [planned] })).toContain('not started');
  });

  it('bins losses by position, each stretch by its positions, and takes the mean over seeds', () => {
    const uneven = (loss: number, seed: number) => {
      const one = run('A', 0.5, { seed });
      const test = one.result as unknown as { test: { likelihood: { byPosition: { end: number; loss: number }[] } }[] };
      const ends = Array.from({ length: 33 }, (_, index) => (index < 32 ? 10 * (index + 1) : 321));
      test.test.at(-1)!.likelihood.byPosition = ends.map((end) => ({ end, loss: end === 10 ? loss + 2 : loss }));
      return one;
    };
    const [entry] = groupEntries([uneven(1, 0), uneven(3, 1)]);
    const bins = lossByPosition(entry!);
    expect(bins.length).toBe(17);
    expect(bins[0]).toEqual({ start: 0, end: 20, loss: 3 }); // (1 + 3) / 2, and half of 2
    expect(bins.at(-1)).toEqual({ start: 320, end: 321, loss: 2 });
    expect(positionsCsv([entry!])!.split('\n').slice(0, 2)).toEqual([
      'setting,model,trainLength,start,end,loss',
      ',A,64,0,20,3',
    ]);
    expect(positionsCsv(groupEntries([sampleRun()]))).toBeUndefined();
  });

  it('keeps accuracies and losses apart where there are both', async () => {
    const both = groupEntries([...runs, sampleRun({ label: 'Recall', experiment: 'recall' })]);
    const table = markdownTable(both);
    expect(table).toContain('Accuracy at 64');
    const text = terminalTable(both);
    expect(text).toContain('Nats at 64');
    expect(await reportPage('Both', '', both)).not.toContain('NaN');
  });

  it('names the data of a setting, by a hash only where nothing else tells, and in short', () => {
    const on = (options: object) => {
      const record = run('CAT', 0.8);
      const task = { ...record.config.task, config: { seqLen: 64, ...options } };
      return { ...record, config: { ...record.config, id: JSON.stringify(options), task } };
    };
    const hash = (digit: string) => digit.repeat(64);
    const settingsOf = (...all: object[]) => groupEntries(all.map(on)).map(({ setting }) => setting);
    expect(settingsOf({ data: 'a', dataHash: hash('1') }, { data: 'b', dataHash: hash('2') })).toEqual([
      'data a',
      'data b',
    ]);
    expect(settingsOf({ data: 'a', dataHash: hash('1') }, { data: 'a', dataHash: hash('2') })).toEqual([
      `dataHash ${'1'.repeat(12)}…`,
      `dataHash ${'2'.repeat(12)}…`,
    ]);
  });

  it('writes the numbers beside it', () => {
    const [head, first] = tableCsv(entries)
      .split('\n')
      .map((line) => line.split(','));
    const of = (name: string) => first![head!.indexOf(name)];
    expect(Number(of('loss'))).toBeCloseTo(1.2, 6);
    expect([of('bestBaseline'), of('bestBaselineLoss'), of('beatsBaseline'), of('tokens')]).toEqual([
      '5-gram',
      '1.5',
      'yes',
      '204800',
    ]);
    expect(lengthsCsv(entries).split('\n')[0]).toContain('perplexity,bitsPerByte');
    expect([...curvesCsv(entries)].join('')).toContain('validation');
    expect(tableCsv(groupEntries([sampleRun()])).split('\n')[0]).not.toContain('loss');
  });

  it('compares losses: less is better', () => {
    const { comparisons } = compareRuns(seeds('CAT', [0.7, 0.71, 0.69]), seeds('CAT', [0.8, 0.79, 0.81]));
    const [{ a, b, difference, measure }] = comparisons as [(typeof comparisons)[0]];
    expect([a, b, difference.value].map((value) => value.toFixed(3))).toEqual(['1.800', '1.200', '-0.600']);
    expect([measure, difference.by]).toEqual(['likelihood', 'seeds']);
    expect(difference.p).toBeLessThan(0.01);
    const [one] = compareRuns([run('A', 0.7)], [run('A', 0.703)]).comparisons;
    expect(one!.difference).toMatchObject({ by: 'examples' });
    expect(one!.difference.p).toBeGreaterThan(0.01);
  });

  it('compares one training of each stretch by stretch of the text they share', () => {
    const hard = [0.5, -0.4, 0.3, -0.4]; // what is hard is so for both
    const along = (record: RunRecord, noise: readonly number[]) => {
      for (const test of (record.result as RunDone).test) {
        const byStretch = hard.map((more, index) => test.loss + more + noise[index]!);
        Object.assign(test.likelihood!, { byStretch });
      }
      return record;
    };
    const of = (seed: number) => [along(run('B', 0.71, { seed }), [0.01, -0.01, 0.01, -0.01])];
    const a = [along(run('A', 0.7), [0, 0, 0, 0])];
    const [{ difference }] = compareRuns(a, of(0)).comparisons as [Comparison];
    // -0.06 +- 3.182 x 0.01155 / sqrt 4
    expect([difference.value, difference.low, difference.high].map((number) => number!.toFixed(4))).toEqual([
      '-0.0600',
      '-0.0784',
      '-0.0416',
    ]);
    expect(difference.by).toBe('text');
    // Another seed may have drawn other text.
    expect(compareRuns(a, of(1)).comparisons[0]!.difference.by).toBe('examples');
  });

  it('takes a simple model for beaten only with the whole interval', () => {
    const baselines = [{ name: 'a', loss: 2 }];
    const loss = (low: number, high: number) => ({ value: (low + high) / 2, low, high });
    expect(verdict({ loss: loss(1, 1.9), baselines })).toBe('yes');
    expect(verdict({ loss: loss(1, 2.1), baselines })).toBe('not shown');
    expect(verdict({ loss: loss(2.1, 3), baselines })).toBe('no');
    expect(baselineRows(groupEntries([sampleRun()]))).toEqual([]);
  });
});
