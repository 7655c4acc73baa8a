import { describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { drawFigure, NARROW, WIDE } from '../figures/chart.js';
import { judge } from '../figures/claims.js';
import { experimentAt, type FigurePoint, isStudy, type TrainedFigure } from '../figures/figure.js';
import { belongsTo } from '../figures/points.js';
import { SCALES, type Scale } from '../figures/scales.js';
import { discoverPlugins } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { MIXERS } from './filtered-models.js';
import { studies } from './index.js';
import { shortFilters } from './short-filters.js';
import { gainsEverywhere, levelEverywhere } from './variant-claims.js';

const registry = await discoverPlugins(process.cwd());
const trained = studies as readonly TrainedFigure[];

/** The runs of a row at a scale. */
async function runsOf({ experiment }: TrainedFigure['rows'][number], scale: Scale) {
  const inline = experimentAt(experiment, scale);
  return resolveRuns(await loadExperiment({ inline, assignments: [] }, registry), registry);
}

describe.each(trained)('$id', (study) => {
  it.each(SCALES)('asks, and is the same for every model at %s scale', async (scale) => {
    expect(isStudy(study)).toBe(true);
    for (const row of study.rows) {
      const runs = await runsOf(row, scale);
      const [{ task, config }] = runs as [(typeof runs)[number]];
      for (const run of runs) {
        expect(belongsTo(row, run.config, scale), run.config.label).toBe(true);
        expect(run.config.train).toEqual(config.train);
      }
      for (const length of new Set([...config.testLengths, ...runs.map((run) => run.task.seqLen)])) {
        const { inputs, labels } = task.atLength(length).generate({ split: 'test', seed: 1, count: 2 });
        for (const part of [
          [0, length],
          [length, 2 * length],
        ]) {
          expect(task.atLength(length).solve!(inputs.slice(...part))).toEqual(labels.slice(...part));
        }
      }
    }
  });

  it('claims nothing of a model that no scale trains', async () => {
    const known = new Set(study.rows.flatMap(({ models }) => models));
    const points = study.rows.flatMap(({ title, models }) => models.map((model) => point(title, model, 0.5)));
    for (const { evidence, status } of judge(study.claims, points)) {
      expect(evidence).not.toMatch(/no run of|0 of 0/);
      expect(status).not.toBe('not measured');
    }
    expect(known.size).toBeGreaterThan(1);
  });
});

describe('the study of short filters', () => {
  it.each(SCALES)('has models of one size at %s scale, each mixer at all of its places', async (scale) => {
    const [row] = shortFilters.rows;
    const runs = await runsOf(row!, scale);
    const sizes = new Map(runs.map(({ config, model }) => [config.label, model.parameterCount]));
    const least = Math.min(...sizes.values());
    for (const [label, size] of sizes) expect(size / least, label).toBeLessThan(1.02);
    if (scale !== 'quick') expect([...sizes.keys()]).toEqual([...row!.models]);
    for (const line of Object.keys(MIXERS)) {
      const own = [...sizes.keys()].filter((label) => label.startsWith(`${line}: `));
      if (own.length > 0) expect(own).toEqual(row!.models.filter((label) => label.startsWith(`${line}: `)));
    }
  });
});

/** A point of one width. */
function point(row: string, model: string, best: number | undefined): FigurePoint {
  const mean = { value: best, low: null, high: null };
  const { result } = sampleRun({ accuracies: [best ?? 0, 0, 0] });
  const tests = result?.status === 'done' ? result.test.slice(0, 1) : [];
  const measured = best === undefined ? undefined : { best, mean, tests, runs: 1, steps: 10, learningRate: 0.01 };
  return {
    row,
    column: 32,
    model,
    x: 64,
    dModel: 32,
    trainLength: 64,
    testLength: 64,
    guess: 0,
    measured: measured as FigurePoint['measured'],
  };
}

describe('claims of variants', () => {
  const pair = { row: 'R', from: 'none', to: 'A' };
  const points = [
    point('R', 'X: none', 0.2),
    point('R', 'X: A', 0.9),
    point('R', 'Y: none', 0.5),
    point('R', 'Y: A', 0.55),
  ];
  const judged = (claim: ReturnType<typeof gainsEverywhere>, data = points) => judge([claim], data)[0]!;

  it('are of every mixer that is in both, with those that speak against it as evidence', () => {
    expect(judged(gainsEverywhere(5, pair, 'S', 'T')).status).toBe('holding');
    expect(judged(gainsEverywhere(10, pair, 'S', 'T'))).toMatchObject({
      status: 'not holding',
      evidence: 'not 1 of 2: Y 50.0 % to 55.0 %',
    });
    expect(judged(gainsEverywhere(10, { ...pair, but: ['Y'] }, 'S', 'T')).status).toBe('holding');
    expect(judged(levelEverywhere(5, pair, 'S', 'T')).evidence).toBe('not 1 of 2: X 20.0 % to 90.0 %');
    expect(judged(levelEverywhere(70, pair, 'S', 'T')).status).toBe('holding');
  });

  it('leave out mixers that lack one of the variants, and wait for what is not measured', () => {
    const alone = [...points, point('R', 'Z: none', 0.1)];
    expect(judged(gainsEverywhere(5, pair, 'S', 'T'), alone).status).toBe('holding');
    const open = [...alone, point('R', 'Z: A', undefined)];
    expect(judged(gainsEverywhere(5, pair, 'S', 'T'), open)).toMatchObject({ status: 'not measured' });
    expect(judged(gainsEverywhere(10, pair, 'S', 'T'), open).status).toBe('not holding');
    expect(judged(gainsEverywhere(5, { ...pair, row: 'Q' }, 'S', 'T')).status).toBe('not measured');
  });
});

describe('a matrix of variants', () => {
  it('has a cell for every model, darker the more it answers, and words for who cannot see it', async () => {
    const [first] = shortFilters.rows;
    const row = first!.title;
    const points = [point(row, 'X: none', 0.25), point(row, 'X: A+B', 1), point(row, 'Y: none', undefined)];
    for (const layout of [WIDE, NARROW]) {
      const svg = (await drawFigure(
        { ...shortFilters, rows: [{ ...first!, models: points.map(({ model }) => model) }] },
        points,
        layout,
      ))!;
      const cells = [...svg.matchAll(/<path[^>]*aria-label="([XY]: [^"]*)"[^>]*>/g)].map(([tag, said]) => {
        return [said, Number(/fill-opacity="([^"]*)"/.exec(tag)?.[1])] as const;
      });
      const opacity = Object.fromEntries(cells);
      expect(Object.keys(opacity).sort()).toEqual(['X: A+B: 100 %', 'X: none: 25.0 %', 'Y: none: not measured']);
      expect(opacity['X: A+B: 100 %']).toBeCloseTo(4 * opacity['X: none: 25.0 %']!, 5);
      expect(opacity['Y: none: not measured']).toBe(0);
      for (const word of ['X', 'Y', 'none', 'A+B', '25', '100', `${row}, d = 32`])
        expect(svg).toContain(`>${word}</text>`);
    }
  });
});

describe('mixerzoo study', () => {
  it('makes studies, and no other figures', async () => {
    const listed = await mixerzoo('list', 'studies', '--json');
    const names = (JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(trained.map(({ id }) => id)));
    expect(names).not.toContain('fig6');
    const unknown = await mixerzoo('study', 'fig6');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/unknown study 'fig6'.*state-tracking/s);
    const planned = await mixerzoo('study', 'delta-recall', '--dry-run', '--json');
    expect(planned.code).toBe(0);
    expect(planned.stdout).toBe((await mixerzoo('figure', 'delta-recall', '--dry-run', '--json')).stdout);
  });
});
