import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import type { Registered } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { groupEntries } from '../report/entries.js';
import type { RunRecord } from '../runs/results.js';
import { isDone } from '../runs/results.js';
import { defineFigure, type TrainedFigure } from './figure.js';
import { mad } from './mad.js';
import { averageAccuracy, HARNESS_COLUMNS, type PaperTable, paperRow } from './paper-table.js';
import { isBelow, lagsBehind } from './perplexity-claims.js';
import { table2 } from './table-2.js';
import { measuredTable, missingColumns } from './table-report.js';
import { NO_DATA, type TableData, tableRows } from './table-rows.js';
import { writeFigure } from './write-figure.js';

const figure: TrainedFigure = defineFigure({
  id: 'made-table',
  title: 'Made models',
  caption: 'Perplexities made up.',
  x: 'testLength',
  y: 'perplexity',
  rows: [{ title: 'Text', experiment: { id: 'made', at: () => ({}) }, models: ['Good', 'Bare', 'Worse', 'Later'] }],
  table: {
    title: 'The paper’s numbers',
    paper: { Good: paperRow(25.858, null, 28.273), Bare: 'diverges', Worse: paperRow(27.41, 74.663, 34.023) },
  },
  claims: [
    isBelow('Good', { models: ['Worse'] }, 'trained', 'Table 2', 'Good is better'),
    lagsBehind('Bare', { models: ['Worse'] }, 'trained', 0.1, 'Section 6.2', 'Bare diverges'),
    isBelow('Later', { models: ['Worse'] }, 'trained', 'Table 2', 'Later is better'),
  ],
});
const registered: Registered<TrainedFigure> = { name: figure.id, packageName: 'my-study', part: figure };

/** Runs whose losses at once, twice and four times the training length are given. */
function run(label: string, losses: readonly [number, number, number], seed = 0): RunRecord {
  const accuracies = losses.map((loss) => 1 - loss / 6) as unknown as readonly [number, number, number];
  return sampleRun({ label, seed, experiment: 'made-quick', measure: 'likelihood', accuracies });
}

const runs = [
  run('Good', [1.5, 1.5, 1.6]),
  run('Worse', [2, 2.5, 3]),
  sampleRun({ label: 'Bare', experiment: 'made-quick', measure: 'likelihood', failure: 'loss is NaN at step 3' }),
];
const planned = [
  ...runs,
  sampleRun({ label: 'Later', experiment: 'made-quick', measure: 'likelihood', partial: true }),
].map(({ config }) => config);
const DATA: TableData = {
  harness: new Map([['Good', { piqa: 0.6, wikitext: 41.5 }]]),
  missing: new Map([['hellaswag', 'hellaswag: no file in data.']]),
};

const rowsOf = (data: TableData) => tableRows(figure, 'quick', groupEntries(runs, planned), data);

describe('tableRows', () => {
  it('has the models in the order of the figure, then the baselines, worst first', () => {
    const rows = rowsOf(DATA);
    expect(rows.map(({ label, status }) => `${label}: ${status}`)).toEqual([
      'Good: done',
      'Bare: diverged',
      'Worse: done',
      'Later: not finished',
      'unigram: baseline',
      '5-gram: baseline',
    ]);
    expect(rows[0]).toMatchObject({ parameters: 123_456, trainingTokens: 100 * 32 * 64, runs: 1 });
    expect(rows[0]!.loss!.value).toBeCloseTo(1.5, 3);
    expect(rows[1]).toMatchObject({ paper: 'diverges', loss: null });
  });
});

describe('measuredTable', () => {
  it('has bits per byte and the columns of the harness where there are any', () => {
    const { columns, rows } = measuredTable(rowsOf(DATA), 64, []);
    expect(columns).toEqual(['Parameters', 'Training tokens', 'Perplexity', 'Bits per byte', 'Wikitext ppl', 'PIQA']);
    const [good, bare, worse] = rows;
    expect(good!.cells.map(({ text }) => text)).toEqual(['123K', '205K', '4.482', '1.082', '41.50', '60.0 %']);
    expect(good!.cells[2]!.aside).toBe('[4.372, 4.594]'); // exp(1.5 +- 1.96 * 0.2 / sqrt(250))
    expect(good!.cells[4]!.aside).toBe('paper 25.86');
    expect(bare!.cells).toEqual([{ text: 'diverged' }]);
    expect(worse!.cells.at(-2)).toEqual({ text: '–', aside: 'paper 27.41' });
    expect(measuredTable(rowsOf(NO_DATA), 64, []).columns).toHaveLength(4);
  });

  it('names the columns that are missing, and why', () => {
    const [line] = missingColumns(rowsOf(DATA), DATA.missing);
    expect(line).toMatch(/^Not measured: LAMBADA std ppl, .*HellaSwag n.* and ARC-C n\. hellaswag: no file in data\.$/);
    expect(missingColumns(rowsOf(NO_DATA), NO_DATA.missing)[0]).toMatch(/--data\.$/);
  });
});

describe('writeFigure of one with a table', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'mixerzoo-table-'));
  });
  afterAll(() => rm(root, { recursive: true }));

  it('writes rows, a document and a page, with what does not hold and what is missing', async () => {
    const directory = join(root, 'made-table-quick');
    const written = await writeFigure(registered, 'quick', runs, planned, directory, DATA);
    expect(written.claims.map(({ status }) => status)).toEqual(['holding', 'holding', 'not measured']);
    expect(await readdir(directory)).toEqual(
      expect.arrayContaining(['made-table.json', 'made-table.md', 'made-table.csv', 'made-table.svg', 'report.html']),
    );
    const json = JSON.parse(await readFile(written.paths.rows!, 'utf8'));
    expect(json).toMatchObject({ figure: 'made-table', scale: 'quick', trainLength: 64 });
    expect(json.rows[0].paper).toEqual({ wikitext: 25.858, lambadaOpenaiPerplexity: 28.273 });
    const document = await readFile(written.paths.document!, 'utf8');
    expect(document).toContain('| Bare | diverged |');
    expect(document).toContain('✔ holding: Bare diverges (Section 6.2): Bare diverged at length 64, against Worse 7.3');
    expect(document).toContain('| 5-gram | – | – | 4.482 | 1.082 |');
    expect(document).toContain('Not measured: LAMBADA');
    const page = await readFile(written.paths.page, 'utf8');
    for (const words of ['What was measured', 'The paper’s numbers', 'diverges', '1.082', 'paper 25.86'])
      expect(page).toContain(words);
    const csv = await readFile(written.paths.csv, 'utf8');
    expect(csv.split('\n')[0]).toMatch(/,measure,status$/);
    expect(csv).toMatch(/^Text,Bare,.*,perplexity,diverged$/m);
    const svg = await readFile(written.paths.svg!, 'utf8');
    expect(svg).toContain('Good, d = 64, length 64: perplexity 4.482 [4.37, 4.59] of 1 run, of the best 4.482');
    expect(svg).toContain('>20</text>'); // Worse is at exp(3)
    expect(page).toContain('interval, over the test text, of one training each');
  });

  it('draws what its claims say: the perplexity of the mean loss over seeds', async () => {
    const seeds = [...runs, run('Good', [1.2, 1.2, 1.3], 1), run('Good', [1.8, 1.8, 1.9], 2)];
    const written = await writeFigure(registered, 'quick', seeds, planned, join(root, 'seeds-quick'), DATA);
    expect(written.claims[0]!.evidence).toContain('Good 4.482 at length 64');
    const svg = await readFile(written.paths.svg!, 'utf8');
    expect(svg).toMatch(/Good, d = 64, length 64: perplexity 4\.482 \[2\.1\d, 9\.4\d\] of 3 runs, of the best 3\.320/);
    const heightOf = (words: string) =>
      Number(new RegExp(`<path aria-label="${words}[^>]*translate\\([\\d.]+,([\\d.]+)\\)`).exec(svg)?.[1]);
    const [good, worse, far] = ['Good, d = 64, length 64', 'Worse, d = 64, length 64', 'Worse, d = 64, length 256'].map(
      heightOf,
    );
    expect((good! - worse!) / (far! - worse!)).toBeCloseTo(1.5 - 2, 2); // of losses 1.5, 2 and 3; the best would be at 1.2
    expect(await readFile(written.paths.page, 'utf8')).toMatch(/interval, over seeds/);
  });
});

describe('mixerzoo table', () => {
  it('is for figures with a table, which it lists', async () => {
    const listed = await mixerzoo('list', 'tables', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { name: 'table2', experiments: ['language-models'] },
      { name: 'mad', experiments: mad.rows.map(({ experiment }) => experiment.id) },
    ]);
    const unknown = await mixerzoo('table', 'fig6');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/unknown table 'fig6'.*table2/s);
  });
});

describe('Table 2', () => {
  it("has the paper's rows, and its averages of the accuracies", () => {
    const { paper } = table2.table as PaperTable;
    expect(Object.keys(paper)).toEqual(expect.arrayContaining([...table2.rows[0]!.models]));
    const averages = {
      'Pythia RoPE': 0.405,
      'CAT NoPE': 0.393,
      'CAT RoPE': 0.407,
      'MH-CAT NoPE': 0.411,
      'MH-CAT RoPE': 0.422,
    };
    for (const [label, average] of Object.entries(averages)) {
      const row = paper[label];
      expect(typeof row === 'object' && averageAccuracy(row)).toBeCloseTo(average, 3);
      expect(Object.keys(row!)).toEqual(HARNESS_COLUMNS.map(({ key }) => key));
    }
    expect(paper['Pythia NoPE']).toBe('diverges');
    expect(averageAccuracy(paper['Mamba'] as never)).toBeUndefined();
  });
});

it('counts what a run that failed otherwise is, no divergence', () => {
  expect(runs.filter(isDone)).toHaveLength(2);
  const broken = { ...runs[2]!, result: { ...runs[2]!.result!, code: 'out-of-memory' } } as RunRecord;
  const rows = tableRows(figure, 'quick', groupEntries([broken], planned), NO_DATA);
  expect(rows[1]!.status).toBe('failed');
});
