import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadRuns } from '../runs/read-results.js';
import type { RunRecord } from '../runs/results.js';
import { sampleRun } from './__fixtures__/sample-run.js';
import { lengthsCsv, tableCsv } from './csv.js';
import { groupEntries } from './entries.js';
import { curvesCsv, runsCsv } from './run-csv.js';
import { markdownTable } from './table.js';
import { formatTable } from './write-report.js';

let runs: RunRecord[];

beforeAll(async () => {
  runs = await loadRuns(fileURLToPath(new URL('../__fixtures__/runs', import.meta.url)));
});

/** The columns of a terminal table's rows, by model. */
function columns(text: string): Map<string, string[]> {
  const rows = text.split('\n').filter((line) => line.startsWith('│'));
  return new Map(
    rows.map((row) => {
      const [model, ...rest] = row
        .split('│')
        .slice(1, -1)
        .map((text) => text.trim());
      return [model!, rest];
    }),
  );
}

describe('formatTable', () => {
  test('shows the numbers of the runs', () => {
    const table = columns(formatTable(runs));
    const heads = table.get('Model')!;
    const of = (model: string, head: string) => table.get(model)![heads.indexOf(head)];
    expect(of('CAT, 1 layer', 'Accuracy at 64 [95 %]')).toBe('100 % [99.91, 100]');
    expect(of('CAT, 1 layer', 'Accuracy at 512')).toBe('99.39 %');
    expect(of('CAT, 1 layer', 'Steps to 99 %')).toBe('150');
    expect(of('CAT, 1 layer', 'Time to 99 %')).toBe('0.75 s');
    expect(of('CAT, 1 layer', 'Parameters')).toBe('53,000');
    expect(of('CAT, 1 layer', 'State')).toBe('8,192');
    expect(of('CAT, 1 layer', 'FLOPs')).toBe('9.1M');
    expect(of('CAT, 1 layer', 'Tokens/s')).toBe('410K');
    expect(of('LinCAT, 1 layer', 'Accuracy at 64 [95 %]')).toBe('96.0 % [95.4, 96.6]');
    expect(of('LinCAT, 1 layer', 'Steps to 99 %')).toBe('–');
    expect(of('Attention, 1 layer', 'Accuracy at 64 [95 %]')).toBe('not finished');
  });

  test('tells why a run has no result', () => {
    const text = formatTable(runs);
    expect(text).toContain(
      'CAT, 1 layer, learning rate 1000000, seed 0: failed: train: expected a finite loss at step 3',
    );
    expect(text).toContain('Attention, 1 layer, learning rate 0.01, seed 0: not finished: 7 of 16 epochs done');
  });

  test('leaves columns out until it fits, and names them', () => {
    const text = formatTable(runs, { width: 80 });
    const lines = text.split('\n').filter((line) => /^[│┌├└]/.test(line));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain('Accuracy at 64 [95 %]');
    expect(text).toMatch(/Left out for width: .*Tokens\/s/);
  });

  test('says which runs a choice of learning rate lacks', () => {
    const swept = [
      sampleRun({ learningRate: 0.1, seed: 0, accuracies: [0.9, 0.5, 0.2] }),
      sampleRun({ learningRate: 0.1, seed: 1, accuracies: [0.9, 0.5, 0.2] }),
      sampleRun({ learningRate: 0.01, seed: 0, accuracies: [0.8, 0.5, 0.2] }),
    ];
    const note = 'CAT: learning rate 0.1 so far; without a result: 0.01 at seed 1.';
    expect(formatTable(swept)).toContain(`\n${note}`);
    expect(markdownTable(groupEntries(swept))).toContain(`\n- ${note}`);
    expect(formatTable(swept.slice(0, 2))).not.toContain('so far');
  });

  test('says where test examples repeat', () => {
    const run = sampleRun();
    const { result } = run;
    if (result?.status !== 'done') throw new Error('sampleRun: expected a finished run.');
    const [first, ...others] = result.test;
    const few = { ...first!, repeats: { distinct: 20, effective: 19.2 } };
    const repeating = { ...run, result: { ...result, test: [few, ...others] } };
    const note = `Length 64: 20 of ${few.examples} test examples differ; intervals rest on these alone. A larger task has more.`;
    expect(formatTable([repeating])).toContain(`\n${note}`);
    expect(markdownTable(groupEntries([repeating]))).toContain(`\n- ${note}`);
    expect(formatTable([run])).not.toContain('test examples differ');
  });

  test('shows exact matches where examples have several answers, and some are right in part', () => {
    const run = sampleRun({ accuracies: [0.9, 0.8, 0.6] });
    const { result } = run;
    if (result?.status !== 'done') throw new Error('sampleRun: expected a finished run.');
    const exactly = (exactMatches: number, of = result.test) => ({
      ...run,
      result: { ...result, test: of.map((one) => ({ ...one, exactMatches })) },
    });
    const table = columns(formatTable([exactly(125)]));
    expect(table.get('CAT')![table.get('Model')!.indexOf('Exact match')]).toBe('50.0 %');
    const [head, row] = lengthsCsv(groupEntries([exactly(125)])).split('\n');
    expect(row!.split(',')[head!.split(',').indexOf('exactMatch')]).toBe('0.5');
    const solved = result.test.map((one) => ({ ...one, correct: one.total, accuracy: 1 }));
    for (const shown of [run, exactly(250, solved)]) expect(formatTable([shown])).not.toContain('Exact match');
  });

  test('keeps control characters of a name from the terminal', () => {
    expect(formatTable([sampleRun({ label: 'a\u001b[2Jb\nc' })])).toContain(' a\\u001b[2Jb c ');
  });
});

describe('markdownTable', () => {
  test('has as many columns in every row, and no markup from names', () => {
    const text = markdownTable(groupEntries([...runs, sampleRun({ label: 'a|b <i>*x*</i>' })]));
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    const counts = rows.map((row) => row.replaceAll('\\|', '').split('|').length);
    expect(new Set(counts).size).toBe(1);
    expect(text).toContain('a\\|b \\<i\\>\\*x\\*\\</i\\>');
    expect(text).toMatch(/\| CAT, 1 layer \|.*\| 100 % \\\[99\.91, 100\\\] \|/);
  });
});

describe('CSV', () => {
  const rowsOf = (text: string) => text.trimEnd().split('\n');

  test('has the unrounded numbers, and empty columns where there are none', () => {
    const [head, ...rows] = rowsOf(tableCsv(groupEntries([sampleRun({ label: 'A', accuracies: [0.9, 0.5, 0.25] })])));
    const row = Object.fromEntries(head!.split(',').map((key, index) => [key, rows[0]!.split(',')[index]]));
    expect(row).toMatchObject({ model: 'A', status: 'done', accuracy: '0.9', accuracyBest: '0.9', stepsTo99: '' });
    expect(row).toMatchObject({ parameters: '123456', stateSize: '8192', flops: '6400000', tokensPerSecond: '200000' });
    expect(Number(row.accuracyLow)).toBeCloseTo(0.8903, 4);
  });

  test('has a row per model and length, and per record', () => {
    const entries = groupEntries(runs);
    expect(rowsOf(lengthsCsv(entries))).toHaveLength(1 + 3 * 5);
    const records = runs.reduce((sum, run) => sum + run.steps.length + run.epochs.length, 0);
    expect(rowsOf([...curvesCsv(entries)].join(''))).toHaveLength(1 + records);
    expect(rowsOf([...runsCsv(entries)].join(''))).toHaveLength(1 + runs.length);
  });

  test('keeps a name from becoming a formula', () => {
    expect(tableCsv(groupEntries([sampleRun({ label: '=1+1' })]))).toContain(",'=1+1,");
  });
});
