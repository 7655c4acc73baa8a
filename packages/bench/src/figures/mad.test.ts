/** MAD's score: its settings, equal states, and what is made of runs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrainer, useEngine } from '@mixerzoo/core';
import { describe, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { groupEntries } from '../report/entries.js';
import type { RunRecord } from '../runs/results.js';
import { experimentAt, type TrainedFigure } from './figure.js';
import { mad } from './mad.js';
import { MAD_TASKS, madSettings } from './mad-settings.js';
import type { SCALES } from './scales.js';
import { scoreRows, scoreTables } from './score-table.js';
import { writeFigure } from './write-figure.js';

const registry = await discoverPlugins(process.cwd());

const runsAt = async (row: TrainedFigure['rows'][number], scale: (typeof SCALES)[number]) =>
  resolveRuns(
    await loadExperiment({ inline: experimentAt(row.experiment, scale), assignments: [] }, registry),
    registry,
  );

describe('mad', () => {
  it('has as many settings as MAD at paper scale, and 396 runs a model', async () => {
    expect(MAD_TASKS.map((task) => madSettings(task, 'paper').length)).toEqual([11, 11, 14, 13, 11, 6]);
    const [memorization] = mad.rows.slice(-1);
    const runs = await runsAt(memorization!, 'paper');
    expect(runs).toHaveLength(8 * 6 * 6);
    const paper = runs.map(({ config: { train, learningRate } }) => ({ ...train, learningRate }));
    expect(new Set(paper.map(({ learningRate, weightDecay }) => `${learningRate} ${weightDecay}`)).size).toBe(6);
    expect(paper[0]).toMatchObject({ batchSize: 128, epochs: 200, stepsPerEpoch: 2, freshExamples: false });
    expect(MAD_TASKS.flatMap((task) => madSettings(task, 'paper')).length * 6).toBe(396);
  });

  it.each(mad.rows.map((row) => [row.title, row] as const))(
    '%s trains every model of a scale alike',
    async (_, row) => {
      for (const scale of ['quick', 'small'] as const) {
        const runs = await runsAt(row, scale);
        const labels = [...new Set(runs.map(({ config }) => config.label))];
        const budgets = labels.map((label) =>
          runs
            .filter(({ config }) => config.label === label)
            .map(({ config: { task, train, learningRate } }) => JSON.stringify([task, train, learningRate]))
            .sort(),
        );
        for (const budget of budgets) expect(budget).toEqual(budgets[0]);
        expect(labels.length).toBe(scale === 'quick' ? 6 : 8);
        for (const { task } of new Map(runs.map((run) => [JSON.stringify(run.config.task.config), run])).values()) {
          const { inputs, labels } = task.generate({ split: 'test', seed: 1, count: 2 });
          expect(task.solve!(inputs.slice(task.seqLen))).toEqual(labels.slice(task.seqLen));
        }
      }
    },
  );

  it('gives mixers whose state does not grow as much of it: 32 d a layer, and short filters', async () => {
    for (const scale of ['quick', 'small'] as const) {
      const runs = await runsAt(mad.rows[0]!, scale);
      const models = new Map(runs.map(({ config, model }) => [config.label, model]));
      const bounded = [...models]
        .filter(([, model]) => model.stateSize(64) === model.stateSize(1))
        .map(([label, model]) => [label, model.stateSize(1)] as const);
      expect(bounded.map(([label]) => label)).toEqual(expect.arrayContaining(['Mamba-2', 'GLA', 'Gated DeltaNet']));
      for (const [label, size] of bounded) {
        const share = size / (2 * 32 * runs[0]!.model.dModel);
        expect(share, label).toBeGreaterThanOrEqual(1);
        expect(share, label).toBeLessThan(1.3);
      }
    }
  });

  it('is a table of the command, with twelve settings of six models at quick scale', async () => {
    const planned = await mixerzoo('table', 'mad', '--dry-run', '--json');
    expect(planned.stderr).toBe('');
    expect(JSON.parse(planned.stdout).runs).toHaveLength(72);
  });
});

const figure: TrainedFigure = {
  id: 'made-score',
  title: 'Made scores',
  caption: 'Accuracies made up.',
  x: 'setting',
  rows: ['One', 'Two'].map((title) => ({
    title,
    experiment: { id: title.toLowerCase(), at: () => ({}) },
    models: ['A', 'B', 'Elsewhere'],
  })),
  table: { title: 'Made', score: 'Made score' },
  claims: [],
};

/** A run at a length, with a weight decay. */
function run(experiment: string, label: string, seqLen: number, accuracy: number, decay = 0.1, validation = accuracy) {
  const accuracies = [accuracy, 0, 0] as const;
  const made = sampleRun({ experiment: `${experiment}-quick`, label, seqLen, accuracies, validation });
  const id = `${made.config.id.slice(0, 8)}${decay}`;
  const config = { ...made.config, id, train: { ...made.config.train, weightDecay: decay } };
  return { ...made, directory: `runs/${id}`, config, result: { ...made.result!, id } } as RunRecord;
}

const runs = [
  run('one', 'A', 128, 0.5),
  run('one', 'A', 64, 0.9, 0, 0.8),
  run('one', 'A', 64, 1, 0.1, 0.7), // worse on validation: not the one
  run('two', 'A', 64, 0.3),
  run('one', 'B', 64, 0.4),
  run('two', 'B', 64, 0.2),
];
const planned = [...runs, run('one', 'B', 64, 0, 0), run('one', 'B', 128, 0)].map(({ config }) => config);

describe('scoreRows', () => {
  const rows = scoreRows(figure, 'quick', groupEntries(runs, planned));

  it('takes the mean over settings, each with the decay that is best on validation, then over tasks', () => {
    const [a] = rows;
    expect(a).toMatchObject({ label: 'A', parameters: 123_456 });
    expect(a!.settings.map(({ accuracy, weightDecay }) => [accuracy, weightDecay])).toEqual([
      [0.9, 0],
      [0.5, 0.1],
      [0.3, 0.1],
    ]);
    expect(a!.tasks['One']).toBeCloseTo(0.7, 12);
    expect(a!.score).toBeCloseTo(0.5, 12);
  });

  it('has no score where a setting, or a decay of it, is not measured, and no row for what a scale leaves out', () => {
    expect(rows.map(({ label }) => label)).toEqual(['A', 'B']);
    expect(rows[1]).toMatchObject({ tasks: { One: null, Two: 0.2 }, score: null });
    const [scores, settings] = scoreTables(rows, { title: 'Made', score: 'Made score' });
    expect(scores.columns).toEqual(['Parameters', 'One', 'Two', 'Made score']);
    expect(scores.rows.map(({ cells }) => cells.map(({ text }) => text))).toEqual([
      ['123K', '70.0 %', '30.0 %', '50.0 %'],
      ['123K', '–', '20.0 %', '–'],
    ]);
    expect(scores.notes.at(-1)).toMatch(/^2 of 6 settings are not measured/);
    expect(settings.columns).toHaveLength(3);
    expect(settings.columns[0]).toMatch(/^One: .*L 64/);
    for (const column of settings.columns) expect(column).not.toContain('decay');
  });
});

it('writes a table, its rows and every setting, and no drawing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mixerzoo-mad-'));
  try {
    const registered = { name: figure.id, packageName: 'my-study', part: figure };
    const { paths, ...counts } = await writeFigure(registered, 'quick', runs, planned, directory);
    expect(counts).toMatchObject({ points: 8, measured: 6 });
    expect(paths.svg).toBeUndefined();
    const document = await readFile(paths.document!, 'utf8');
    expect(document).toContain('| A | 123K | 70.0 % | 30.0 % | 50.0 % |');
    expect(document).toContain('## Made: every setting');
    expect(JSON.parse(await readFile(paths.rows!, 'utf8')).rows[0]).toMatchObject({ label: 'A', tasks: { Two: 0.3 } });
    expect(await readFile(paths.csv, 'utf8')).toMatch(/^row,setting,model,/);
    const page = await readFile(paths.page, 'utf8');
    expect(page).toContain('Made: scores');
    expect(page).not.toContain('Nothing is measured yet');
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('trains what compression asks for: tokens from one hidden state', async () => {
  await useEngine('wasm');
  const row = mad.rows.find(({ title }) => title === 'Compression')!;
  const { task, model } = (await runsAt(row, 'quick')).find(({ config }) => config.label === 'GLA')!;
  const trainer = await createTrainer({
    model,
    task,
    batchSize: 32,
    examplesPerEpoch: 32 * 100,
    epochs: 1,
    freshExamples: true,
    optimizer: { learningRate: 3e-3 },
    validationExamples: 128,
  });
  const { validationAccuracy } = await trainer.runEpoch();
  expect(task.chance).toBeCloseTo(1 / 15, 12);
  expect(validationAccuracy).toBeGreaterThan(0.2);
  trainer.dispose();
});
