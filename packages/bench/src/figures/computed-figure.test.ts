import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure4, type Plot } from '@mixerzoo/theory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { writeIndex } from '../report/write-index.js';
import { judge } from './claims.js';
import { type ComputedFigure, defineFigure } from './figure.js';
import { figure4Definition } from './figure-4.js';
import { drawPlots, NARROW_PLOTS } from './plot-chart.js';
import { writeComputedFigure } from './write-figure.js';

const PLOT: Plot = {
  title: 'Cubes & squares',
  caption: 'Numbers and their powers.',
  x: { label: 'number', log: true },
  y: { label: 'power', log: true },
  series: [
    { label: 'square', kind: 'line', points: [1, 10, 100].map((x) => ({ x, y: x * x })) },
    { label: 'about it', kind: 'band', points: [1, 10, 100].map((x) => ({ x, y: x * x, low: x, high: x ** 3 })) },
    { label: 'measured', kind: 'points', points: [{ x: 10, y: 90, low: 80, high: 110 }] },
  ],
};

const figure: ComputedFigure = defineFigure({
  id: 'powers',
  title: 'Powers',
  caption: 'A figure of numbers.',
  compute: (scale) => [{ ...PLOT, title: `${PLOT.title} (${scale})` }],
  claims: [
    {
      text: 'Squares are there',
      source: 'arithmetic',
      evaluate: ([plot]) => ({ status: plot ? 'holding' : 'not holding', evidence: plot?.title ?? '' }),
    },
  ],
});
const registered = { name: 'powers', packageName: 'my-study', part: figure };

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mixerzoo-computed-'));
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

describe('writeComputedFigure', () => {
  it('writes drawing, data, verdicts and page, and an index has it', async () => {
    const directory = join(root, 'powers-quick');
    const written = await writeComputedFigure(registered, 'quick', directory);
    expect(written.claims).toEqual([
      { claim: 'Squares are there', source: 'arithmetic', status: 'holding', evidence: 'Cubes & squares (quick)' },
    ]);
    const files = await readdir(directory);
    expect(files).toEqual(
      expect.arrayContaining(['claims.json', 'powers.csv', 'powers.svg', 'report.html', 'report.json']),
    );
    const csv = (await readFile(written.paths.csv, 'utf8')).trim().split('\n');
    expect(csv).toHaveLength(1 + 7);
    expect(csv[0]).toBe('plot,series,kind,x,y,low,high');
    expect(csv.at(-1)).toBe('Cubes & squares (quick),measured,points,10,90,80,110');
    const page = await readFile(written.paths.page, 'utf8');
    expect(page).toContain('Squares are there.');
    expect(page).toContain('Numbers and their powers.');
    const index = await readFile((await writeIndex(root))!, 'utf8');
    expect(index).toContain('href="powers-quick/report.html"');
    expect(index).toContain('1 holding, 0 not holding');
    expect(index).not.toContain('Runs finished');
    const again = await writeComputedFigure(registered, 'quick', directory);
    expect(await readFile(again.paths.svg!, 'utf8')).toBe(await readFile(written.paths.svg!, 'utf8'));
  });
});

describe('drawPlots', () => {
  it('names what it draws, and gives a band and marks the colour of their line', async () => {
    const svg = await drawPlots([PLOT], NARROW_PLOTS);
    for (const words of ['Cubes &amp; squares', 'square', 'about it', 'measured', 'number', 'power']) {
      expect(svg).toContain(`>${words}</text>`);
    }
    expect(svg).toContain('aria-label="measured: number 10, power 90 [80, 110]"');
    const colours = new Set([...svg.matchAll(/(?:stroke|fill)="(#[0-9a-f]{6})"/g)].map(([, colour]) => colour));
    expect(colours.has('#0067a5')).toBe(true);
    expect(colours.has('#c84a00')).toBe(false);
  });

  it('gives two plots colours of their own', async () => {
    expect(await drawPlots([PLOT, PLOT], NARROW_PLOTS)).toContain('#c84a00');
  });
});

describe('fig4', () => {
  const plots = figure4({
    seed: 0,
    seqLen: 2 ** 20,
    blockSizes: [100, 1000],
    dimensions: [5, 20],
    draws: 100,
    simulated: { seqLen: 2 ** 14, queries: 32, points: [] },
  });
  const verdicts = (data: readonly Plot[]) => judge(figure4Definition.claims, data).map(({ status }) => status);

  it('bears out the paper, but for its caption', () => {
    const caption = figure4Definition.claims.findIndex(({ source }) => source === 'Figure 4, caption');
    const statuses = verdicts(plots);
    expect(statuses[caption]).toBe('not holding');
    expect(statuses.at(-1)).toBe('not measured'); // nothing was simulated
    expect(statuses.filter((_, index) => index !== caption).slice(0, -1)).toEqual(new Array(5).fill('holding'));
  });

  it.each([1.6, 0.5])('would see lines that are %d times as high', (factor) => {
    const moved = plots.map((plot) => ({
      ...plot,
      series: plot.series.map((series) =>
        series.kind === 'line' ? { ...series, points: series.points.map((p) => ({ ...p, y: factor * p.y })) } : series,
      ),
    }));
    expect(verdicts(moved)[0]).toBe('not holding');
  });

  it('would see bands that do not grow with the block size, nor with the dimension', () => {
    const flat = plots.map((plot) => ({
      ...plot,
      series: plot.series.map((series) =>
        series.kind === 'band'
          ? { ...series, points: series.points.map((p) => ({ ...p, low: 300, high: 500 })) }
          : series,
      ),
    }));
    expect(verdicts(flat).slice(2, 4)).toEqual(['not holding', 'not holding']);
  });

  it('would see a simulation that disagrees', () => {
    const points = [{ x: 168, y: 0.9, low: 0.85, high: 0.95 }];
    const simulated: Plot = { ...PLOT, series: [{ label: 'Simulated, B = 16', kind: 'points', points }] };
    expect(verdicts([...plots, simulated]).at(-1)).toBe('not holding');
    const agreeing = { ...simulated, series: [{ ...simulated.series[0]!, points: [{ ...points[0]!, low: 0.45 }] }] };
    expect(verdicts([...plots, agreeing]).at(-1)).toBe('holding');
  });

  it('has nothing to plan', async () => {
    const { code, stdout } = await mixerzoo('figure', 'fig4', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runs: [], open: { runs: 0, flops: 0 } });
  });
});
