import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins, matching, type Registered } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { writeIndex } from '../report/write-index.js';
import type { RunRecord } from '../runs/results.js';
import { testAssignments } from './__fixtures__/text-at-paper-scale.js';
import { drawFigure, WIDE } from './chart.js';
import {
  declines,
  fallsShortOf,
  growsWithWidth,
  judge,
  keepsUpWith,
  leads,
  reachesSomewhere,
  staysAbove,
} from './claims.js';
import { figures } from './definitions.js';
import { experiments } from './experiments.js';
import {
  experimentAt,
  type FigurePoint,
  isComputed,
  type JudgedClaim,
  type Measured,
  type TrainedFigure,
} from './figure.js';
import { belongsTo } from './points.js';
import { SCALES } from './scales.js';
import { writeFigure } from './write-figure.js';

const registry = await discoverPlugins(process.cwd());

const trained = figures.filter((figure) => !isComputed(figure)) as readonly TrainedFigure[];

describe.each(trained)('$id', (figure) => {
  it.each(SCALES)('resolves at %s scale, with every model of its rows', async (scale) => {
    for (const row of figure.rows) {
      const assignments = testAssignments(row.experiment, scale);
      const runs = await resolveRuns(
        await loadExperiment({ inline: experimentAt(row.experiment, scale), assignments }, registry),
        registry,
      );
      const shown = runs.filter(({ config }) => belongsTo(row, config, scale));
      expect(new Set(shown.map(({ config }) => config.label))).toEqual(new Set(row.models));
      // The budget is the same for every model of a cell.
      for (const { config, task } of shown) {
        const others = shown.filter((other) => other.task.seqLen === task.seqLen);
        expect(others.every((other) => JSON.stringify(other.config.train) === JSON.stringify(config.train))).toBe(true);
      }
    }
  });
});

it.each(SCALES)('has tasks at %s scale that their oracles solve at every length', async (scale) => {
  for (const one of Object.values(experiments)) {
    const runs = await resolveRuns(
      await loadExperiment({ inline: experimentAt(one, scale), assignments: [] }, registry),
      registry,
    );
    const tasks = new Map(runs.map(({ task, config }) => [task.seqLen, { task, lengths: config.testLengths }]));
    for (const { task, lengths } of tasks.values()) {
      for (const length of lengths) {
        const at = task.atLength(length);
        const { inputs, labels } = at.generate({ split: 'test', seed: 1, count: 3 });
        for (let example = 0; example < 3; example++) {
          const part = [example * length, (example + 1) * length] as const;
          expect(at.solve!(inputs.slice(...part))).toEqual(labels.slice(...part));
        }
      }
    }
  }
});

it("has the paper's numbers at paper scale", async () => {
  const inline = experimentAt(experiments['mqar-by-length'], 'paper');
  const runs = await resolveRuns(await loadExperiment({ inline, assignments: [] }, registry), registry);
  expect(new Set(runs.map(({ config }) => config.learningRate))).toEqual(new Set([1e-3, 1e-2, 1e-1]));
  for (const [seqLen, numKvPairs, batchSize] of [
    [64, 16, 512],
    [128, 32, 512],
    [256, 64, 256],
    [512, 128, 128],
  ] as const) {
    const { config } = runs.find(({ task }) => task.seqLen === seqLen)!;
    expect(config.task.config).toMatchObject({ vocabSize: 8192, numKvPairs });
    expect(config.train).toMatchObject({ batchSize, epochs: 64, freshExamples: false, testExamples: 3000 });
    expect(config.train.stepsPerEpoch * batchSize).toBeGreaterThan(99_000);
  }
});

describe('runs of figures', () => {
  const planned = async (source: Parameters<typeof loadExperiment>[0]) =>
    resolveRuns(await loadExperiment(source, registry), registry);

  it('are at quick scale those of the first seed at small, but for landmarks', async () => {
    for (const one of Object.values(experiments)) {
      if (one.id === 'landmark-capacity') continue;
      const at = (scale: 'quick' | 'small') => planned({ inline: experimentAt(one, scale), assignments: [] });
      const [quick, small] = await Promise.all([at('quick'), at('small')]);
      const ids = (runs: typeof quick) => runs.map(({ config }) => config.id).sort();
      expect(small).toHaveLength(3 * quick.length);
      expect(ids(small.filter(({ config }) => config.seed === 0))).toEqual(ids(quick));
    }
  });

  it('are what recall-decay.yaml trains at length 32, but for the decay', async () => {
    const inline = experimentAt(experiments['mqar-by-length'], 'small');
    const decays = await planned({ file: 'benchmarks/recall-decay.yaml', assignments: [] });
    const settings = ({ config }: (typeof decays)[number]) => {
      const { task, layers, train, seed, learningRate, search } = config;
      return JSON.stringify([task, layers, train, seed, learningRate, search]);
    };
    const labels = new Set(decays.map(({ config }) => config.label.replace(/, decay .*/, '')));
    const figure = (await planned({ inline, assignments: [] })).filter(({ config, task }) => {
      return labels.has(config.label) && config.model.dModel === 64 && task.seqLen === 32;
    });
    const asInFigure = decays.filter(({ config }) => config.label.endsWith('decay 0.1'));
    expect(asInFigure.map(settings).sort()).toEqual(figure.map(settings).sort());
  });
});

/** An accuracy of 200 independent answers. */
function measured(accuracy: number, runs = 1): Measured {
  const correct = Math.round(200 * accuracy);
  const tests = Array.from({ length: runs }, () => ({
    seqLen: 64,
    loss: 0,
    accuracy,
    correct,
    total: 200,
    examples: 200,
    exampleStd: 0,
    stateSize: 1,
    flops: 1,
  }));
  const estimate = { value: accuracy, low: null, high: null };
  return {
    best: accuracy,
    mean: estimate,
    tests,
    runs,
    learningRate: 0.005,
    steps: 800,
  } as Partial<Measured> as Measured;
}

/** Points of one row: accuracy by model, width and test length; trained at 64. */
function points(
  values: Readonly<Record<string, Readonly<Record<number, readonly (number | undefined)[]>>>>,
): FigurePoint[] {
  return Object.entries(values).flatMap(([model, byWidth]) =>
    Object.entries(byWidth).flatMap(([d, accuracies]) =>
      accuracies.map((best, index) => ({
        row: 'R',
        column: Number(d),
        model,
        x: 64 * 2 ** index,
        dModel: Number(d),
        trainLength: 64,
        testLength: 64 * 2 ** index,
        guess: 1 / 16,
        measured: best === undefined ? undefined : measured(best),
      })),
    ),
  );
}

const status = (claim: ReturnType<typeof staysAbove>, data: FigurePoint[]) => judge([claim], data)[0]!.status;

describe('claims', () => {
  const data = points({ A: { 32: [1, 0.995], 64: [1, 1] }, B: { 32: [0.9, 0.2], 64: [0.95, 0.3] } });
  const about = (...models: string[]) => ({ models });

  it('stay above a level everywhere, with the worst point as evidence', () => {
    expect(judge([staysAbove(0.99, about('A'), 'S', 'T')], data)).toEqual([
      { claim: 'T', source: 'S', status: 'holding', evidence: 'lowest 99.50 % (R, d = 32, length 128)' },
    ]);
    expect(status(staysAbove(0.999, about('A'), 'S', 'T'), data)).toBe('not holding');
    expect(status(fallsShortOf(0.99, about('B'), 'S', 'T'), data)).toBe('holding');
    expect(status(fallsShortOf(0.99, about('A', 'B'), 'S', 'T'), data)).toBe('not holding');
  });

  it('compare models point by point', () => {
    expect(status(leads('A', about('B'), 'S', 'T'), data)).toBe('holding');
    expect(status(leads('B', about('A'), 'S', 'T'), data)).toBe('not holding');
    expect(status(growsWithWidth(about('B'), 'S', 'T'), data)).toBe('holding');
    expect(status(growsWithWidth(about('A'), 'S', 'T'), data)).toBe('not holding');
  });

  it('hold a model to what is predicted of it', () => {
    const predicted = ({ dModel }: { dModel: number }) => dModel / 64;
    expect(status(keepsUpWith(predicted, 0.05, about('B'), 'S', 'T'), points({ B: { 32: [0.5], 64: [0.96] } }))).toBe(
      'holding',
    );
    expect(judge([keepsUpWith(predicted, 0.06, about('B'), 'S', 'T')], data)[0]).toMatchObject({
      status: 'not holding',
      evidence: 'behind at 2 of 4 points; B: 30.0 % (R, d = 64, length 128) where 100 % is predicted',
    });
  });

  it('see a decline only in what was learned', () => {
    expect(status(declines(about('B'), 'S', 'T'), data)).toBe('holding');
    expect(status(declines(about('A', 'B'), 'S', 'T'), data)).toBe('not holding');
    const unlearned = points({ C: { 32: [0.1, 0.05] } });
    expect(judge([declines(about('C'), 'S', 'T')], unlearned)[0]).toMatchObject({
      status: 'not measured',
      evidence:
        '1 of 1 have not learned at this budget (25 %, and 10 points more than a guess among the values of an example, at the training length)',
    });
  });

  it('name the cell in which each model is above a level', () => {
    expect(judge([reachesSomewhere(0.9, about('A', 'B'), 'S', 'T')], data)[0]).toMatchObject({
      status: 'holding',
      evidence: 'A 100 % (R, d = 32, length 64); B 95.0 % (R, d = 64, length 64)',
    });
    expect(judge([reachesSomewhere(0.96, about('A', 'B'), 'S', 'T')], data)[0]).toMatchObject({
      status: 'not holding',
      evidence: expect.stringContaining('B 95.0 % (R, d = 64, length 64), trained for 800 steps'),
    });
    const some = points({ A: { 32: [1, undefined] }, B: { 32: [0.5, undefined] } });
    expect(status(reachesSomewhere(0.9, about('A'), 'S', 'T'), some)).toBe('holding');
    expect(status(reachesSomewhere(0.9, about('B'), 'S', 'T'), some)).toBe('not measured');
  });

  it('do not count a guess among the values seen as learned', () => {
    const pairs = points({ C: { 32: [0.55, 0.1] } }).map((point) => ({ ...point, guess: 1 / 2 }));
    expect(status(declines(about('C'), 'S', 'T'), pairs)).toBe('not measured');
    const better = points({ C: { 32: [0.61, 0.1] } }).map((point) => ({ ...point, guess: 1 / 2 }));
    expect(status(declines(about('C'), 'S', 'T'), better)).toBe('holding');
  });

  it('have the interval of the difference that decides', () => {
    const [{ evidence }] = judge([declines(about('B'), 'S', 'T')], data) as [JudgedClaim];
    expect(evidence).toMatch(/^smallest decline 65\.0 points \[57\.9, 72\.1\] \(B, 95\.0 %/);
    expect(judge([leads('A', about('B'), 'S', 'T')], data)[0]!.evidence).toMatch(
      /^smallest margin 5\.0 points \[1\.7, 8\.3\], to B, 95\.0 % \(R, d = 64, length 64\)/,
    );
  });

  it('say the mean beside the best of several seeds', () => {
    const seeds = points({ A: { 32: [0.5] } }).map((point) => ({ ...point, measured: measured(0.5, 3) }));
    expect(judge([staysAbove(0.9, about('A'), 'S', 'T')], seeds)[0]!.evidence).toBe(
      'lowest 50.0 %, mean 50.0 % (R, d = 32, length 64), trained for 800 steps at its best rate 0.005, 3 seeds',
    );
  });

  it('are decided by some of the points where these are enough', () => {
    const some = points({ A: { 32: [0.5, undefined] }, B: { 32: [1, undefined] } });
    expect(judge([staysAbove(0.9, about('A'), 'S', 'T')], some)[0]).toMatchObject({
      status: 'not holding',
      evidence:
        'lowest 50.0 % (R, d = 32, length 64), trained for 800 steps at its best rate 0.005, 1 seed; 1 of 2 points are missing',
    });
    expect(status(staysAbove(0.9, about('B'), 'S', 'T'), some)).toBe('not measured');
    expect(status(fallsShortOf(0.9, about('A'), 'S', 'T'), some)).toBe('holding');
    expect(status(fallsShortOf(0.9, about('A', 'B'), 'S', 'T'), some)).toBe('not measured');
  });

  it('are not measured where a point or a model is missing', () => {
    expect(status(staysAbove(0.5, about('A'), 'S', 'T'), points({ A: { 32: [1, undefined] } }))).toBe('not measured');
    expect(status(staysAbove(0.5, about('A', 'D'), 'S', 'T'), data)).toBe('not measured');
  });
});

it.each(['trainLength', 'testLength', 'stateSize', 'width', 'learningRate'] as const)(
  'draws plots along %s that fill their panels, whatever the words below them take',
  async (x) => {
    const data = points({ A: { 32: [1, 0.9], 64: [1, 0.8] } });
    const figure: TrainedFigure = { ...trained[0]!, x, rows: [{ ...trained[0]!.rows[0]!, title: 'R', models: ['A'] }] };
    const svg = await drawFigure(figure, data, WIDE);
    const widths = [...svg!.matchAll(/class="background"[^>]* d="M0,0h(\d+)v\d{2,}/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths.length).toBeGreaterThan(0);
    expect(Math.min(...widths)).toBeGreaterThan(0.65 * WIDE.panelWidth);
  },
);

describe('writeFigure', () => {
  const [registered] = matching(registry, 'figures', 'fig2-right') as readonly Registered<TrainedFigure>[];
  const figure = registered!.part;
  const runs: RunRecord[] = figure.rows[0]!.models.flatMap((label, rank) =>
    [64, 128].map((seqLen) =>
      sampleRun({ label, seqLen, experiment: 'mqar-by-length-quick', accuracies: [1 - 0.2 * rank, 0.5, 0.1] }),
    ),
  );
  const planned = runs.map(({ config }) => config);

  it('writes drawing, data, verdicts and page, and says what is missing', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mixerzoo-figure-'));
    try {
      const directory = join(root, 'fig2-right-quick');
      const written = await writeFigure(registered!, 'quick', runs.slice(1), planned, directory);
      expect(written).toMatchObject({ points: 10, measured: 9 });
      expect(written.claims.map(({ status }) => status)).toEqual(['not measured', 'not measured', 'not holding']);
      const whole = await writeFigure(registered!, 'quick', runs, planned, directory);
      expect(whole.claims.map(({ status }) => status)).toEqual(['holding', 'holding', 'not holding']);
      expect(await readdir(directory)).toEqual(
        expect.arrayContaining([
          'claims.json',
          'fig2-right.csv',
          'fig2-right.md',
          'fig2-right.svg',
          'report.html',
          'report.json',
        ]),
      );
      const csv = (await readFile(whole.paths.csv, 'utf8')).trim().split('\n');
      expect(csv).toHaveLength(11);
      expect(csv[1]).toMatch(/^MQAR,"CAT, 1 layer",64,64,64,1,1,/);
      const svg = await readFile(whole.paths.svg!, 'utf8');
      for (const label of figure.rows[0]!.models) expect(svg).toContain(`>${label}</text>`);
      expect(svg).toContain('MQAR, d = 64');
      const document = await readFile(whole.paths.document!, 'utf8');
      expect(document).toMatch(/^\| Model \| length 64 \| length 128 \|$/m);
      expect(document).toMatch(/^\| CAT, 1 layer, d = 64 \| 100 % \\\[[\d., ]+\\\] \| 100 % \\\[[\d., ]+\\\] \|$/m);
      expect(document).toMatch(/^- ✔ holding: CAT 1L stays above 99 %/m);
      const index = await readFile((await writeIndex(root))!, 'utf8');
      expect(index).toContain('href="fig2-right-quick/report.html"');
      expect(index).toContain('2 holding, 1 not holding, 0 not measured');
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('draws and writes what a theory predicts', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mixerzoo-figure-'));
    try {
      const [landmarks] = matching(registry, 'figures', 'landmark-capacity') as readonly Registered<TrainedFigure>[];
      const trainings = [16, 32].map((dModel) =>
        sampleRun({ label: 'Landmark CAT, B = 2', seqLen: 32, dModel, experiment: 'landmark-capacity-quick' }),
      );
      const planned = trainings.map(({ config }) => config);
      const { paths } = await writeFigure(
        landmarks!,
        'quick',
        trainings,
        planned,
        join(root, 'landmark-capacity-quick'),
      );
      const [head, first] = (await readFile(paths.csv, 'utf8')).split('\n');
      expect(head).toMatch(/,predicted$/);
      expect(Number(first!.split(',').at(-1))).toBeCloseTo(0.897, 3);
      const svg = await readFile(paths.svg!, 'utf8');
      expect(svg).toContain('AR, tested at length 32');
      expect(svg).toContain('>width d</text>');
      const flat = { ...landmarks!, part: { ...landmarks!.part, predicted: () => 0.5 } };
      const level = await writeFigure(flat, 'quick', trainings, planned, join(root, 'flat'));
      const levelLine = /class="mark-line[\s\S]*?<path[^>]* d="M[\d.]+,([\d.]+)(L[\d.]+,\1)+"/;
      expect(await readFile(level.paths.svg!, 'utf8')).toMatch(levelLine); // the line that is predicted, and no other
      expect(svg).not.toMatch(levelLine);
      expect(svg.match(/aria-label="Landmark CAT, B = 2/g)).toHaveLength(2); // marks for what was trained alone
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
