/**
 * `npm run bench:step`: how long a training step takes, and what memory it needs, on the embedded engine; beside it the
 * step that stock TensorFlow.js takes for the same model. Each measurement has a process of its own.
 *
 * Default: one layer of CAT at the paper's V = 8192, L = 64, k = 16, d = 64, batch 64. Options: `--mixers cat,attention`,
 * `--lengths 64,256`, `--widths 64,128`, `--vocab 8192`, `--batch 64`, `--steps 20`, `--stock-steps 5` (0: none),
 * `--engine wasm`, `--out <directory>` (default reports/step: step.json, step.md).
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createTrainer, type EngineChoice, foldIn, useEngine } from '@mixerzoo/core';
import { experimentSchema } from '../packages/bench/src/experiment/experiment.js';
import { type PlannedRun, resolveRuns } from '../packages/bench/src/experiment/resolve-runs.js';
import { discoverPlugins, findPart } from '../packages/bench/src/plugins.js';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { type Spread, spreadOf } from '../packages/bench/src/runs/spread.js';
import { createStockTraining, openStockWasm } from './stock-cat.js';

/** One measurement to make. */
interface Case {
  readonly mixer: string;
  readonly seqLen: number;
  readonly dModel: number;
  readonly vocabSize: number;
  readonly batchSize: number;
  readonly steps: number;
  /** An engine of ours, or `stock` for TensorFlow.js as npm installs it. */
  readonly engine: string;
}

/** What a measurement found; times in milliseconds. */
interface Measurement extends Case, Spread {
  readonly description: string;
  readonly tokensPerSecond: number;
  readonly peakMemoryMiB: number;
  /** Loss of the first step: equal models have equal ones. */
  readonly firstLoss: number;
}

const WARM_UP = { ours: 5, stock: 1 } as const;
const LEARNING_RATE = 1e-3;
/** Relative; both compute in float32, in different orders. */
const LOSS_TOLERANCE = 1e-4;

async function planCase({ mixer, seqLen, dModel, vocabSize, batchSize, steps }: Case): Promise<PlannedRun> {
  const registry = await discoverPlugins(process.cwd());
  const { part: factory } = await findPart(registry, 'mixers', mixer);
  // Dropout costs time and hides equality: none, where the mixer has any.
  const hasDropout = factory.schema.safeParse({ dModel, dropout: 0 }).success;
  const experiment = experimentSchema.parse({
    task: { task: 'mqar', vocabSize, seqLen, numKvPairs: seqLen / 4 },
    model: { dModel, dropout: { embedding: 0, residual: 0 } },
    models: { [mixer]: { layers: [{ mixer: factory, ...(hasDropout ? { dropout: 0 } : {}) }] } },
    train: { batchSize, stepsPerEpoch: steps, epochs: 1, validationExamples: batchSize },
    learningRates: [LEARNING_RATE],
  });
  const [run] = await resolveRuns({ experiment, files: [] }, registry);
  return run as PlannedRun;
}

async function measureOurs(one: Case): Promise<Measurement> {
  const { description } = await useEngine(one.engine as EngineChoice);
  const { model, task } = await planCase(one);
  const { batchSize } = one;
  const steps = one.steps + WARM_UP.ours;
  const trainer = await createTrainer({
    model,
    task,
    seed: 0,
    batchSize,
    examplesPerEpoch: batchSize * steps,
    epochs: 1,
    freshExamples: true,
    optimizer: { learningRate: LEARNING_RATE },
    validationExamples: 1,
  });
  const times: number[] = [];
  let firstLoss = Number.NaN;
  let peakMemoryMiB = 0;
  await trainer.runEpoch({
    onStep({ step, loss, seconds }) {
      if (step === 1) firstLoss = loss;
      if (step > WARM_UP.ours) times.push(1000 * seconds);
      peakMemoryMiB = process.resourceUsage().maxRSS / 1024;
    },
  });
  trainer.dispose();
  return summarize(one, { description, times, firstLoss, peakMemoryMiB });
}

async function measureStock(one: Case): Promise<Measurement> {
  await openStockWasm();
  const { model, task } = await planCase(one);
  // As the trainer derives them, so that the first losses can be compared.
  const training = createStockTraining(model.init(foldIn(0, 'init')), LEARNING_RATE);
  const epochSeed = foldIn(foldIn(0, 'train'), 0);
  const times: number[] = [];
  let firstLoss = Number.NaN;
  for (let step = 0; step < one.steps + WARM_UP.stock; step++) {
    const start = performance.now();
    const batch = task.generate({ split: 'train', seed: foldIn(epochSeed, step), count: one.batchSize });
    const loss = training.step(batch);
    if (step === 0) firstLoss = loss;
    if (step >= WARM_UP.stock) times.push(performance.now() - start);
  }
  const peakMemoryMiB = process.resourceUsage().maxRSS / 1024;
  return summarize(one, {
    description: 'TensorFlow.js 4.22 wasm as npm installs it, tf.train.adam',
    times,
    firstLoss,
    peakMemoryMiB,
  });
}

function summarize(
  one: Case,
  found: { description: string; times: readonly number[]; firstLoss: number; peakMemoryMiB: number },
): Measurement {
  const { times, ...rest } = found;
  const spread = spreadOf(times);
  return { ...one, ...rest, ...spread, tokensPerSecond: (1000 * one.batchSize * one.seqLen) / spread.median };
}

/** Makes a measurement in a process of its own. */
function measure(one: Case): Promise<Measurement> {
  return new Promise((resolveResult, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--case', JSON.stringify(one)]);
    let found: Measurement | undefined;
    child.on('message', (message) => {
      found = message as Measurement;
    });
    child.on('close', (code) => {
      if (found) resolveResult(found);
      else
        reject(
          new Error(`bench:step: expected a measurement of ${one.mixer} on ${one.engine}, got exit code ${code}.`),
        );
    });
  });
}

function toMarkdown(header: string, rows: readonly Measurement[]): string {
  const lines = rows.map((row) => {
    const stock = rows.find(
      (other) => other.engine === 'stock' && other.seqLen === row.seqLen && other.dModel === row.dModel,
    );
    const ratio =
      stock && stock !== row && row.mixer === stock.mixer ? `${(stock.median / row.median).toFixed(1)} x` : '';
    const spread = `${row.lowerQuartile.toFixed(1)} - ${row.upperQuartile.toFixed(1)}`;
    return `| ${row.mixer} | ${row.engine} | ${row.seqLen} | ${row.dModel} | ${row.median.toFixed(1)} | ${spread} | ${Math.round(row.tokensPerSecond).toLocaleString('en')} | ${Math.round(row.peakMemoryMiB)} | ${ratio} |`;
  });
  return [
    '# Training step',
    '',
    header,
    '',
    '| mixer, 1 layer | engine | L | d | ms a step, median | quartiles | tokens/s | peak memory, MiB | faster than stock |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
  ].join('\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' },
      mixers: { type: 'string', default: 'cat' },
      lengths: { type: 'string', default: '64' },
      widths: { type: 'string', default: '64' },
      vocab: { type: 'string', default: '8192' },
      batch: { type: 'string', default: '64' },
      steps: { type: 'string', default: '20' },
      'stock-steps': { type: 'string', default: '5' },
      engine: { type: 'string', default: 'wasm' },
      out: { type: 'string', default: 'reports/step' },
    },
  });
  if (values.case) {
    const one = JSON.parse(values.case) as Case;
    process.send?.(await (one.engine === 'stock' ? measureStock(one) : measureOurs(one)), () => process.exit(0));
    return new Promise(() => {});
  }
  const numbers = (text: string) => text.split(',').map(Number);
  const shared = { vocabSize: Number(values.vocab), batchSize: Number(values.batch) };
  const cases = numbers(values.lengths).flatMap((seqLen) =>
    numbers(values.widths).flatMap((dModel) =>
      values.mixers.split(',').flatMap((mixer): Case[] => {
        const one = { mixer, seqLen, dModel, ...shared };
        const stock = mixer === 'cat' && Number(values['stock-steps']) > 0;
        return [
          { ...one, engine: values.engine, steps: Number(values.steps) },
          ...(stock ? [{ ...one, engine: 'stock', steps: Number(values['stock-steps']) }] : []),
        ];
      }),
    ),
  );
  const machine = await describeMachine();
  const rows: Measurement[] = [];
  for (const one of cases) {
    const row = await measure(one);
    rows.push(row);
    console.log(
      `${one.mixer} on ${one.engine}, V ${one.vocabSize}, L ${one.seqLen}, d ${one.dModel}, batch ${one.batchSize}: ${row.median.toFixed(1)} ms a step ` +
        `(quartiles ${row.lowerQuartile.toFixed(1)} - ${row.upperQuartile.toFixed(1)}), peak memory ${Math.round(row.peakMemoryMiB)} MiB, first loss ${row.firstLoss.toFixed(5)}`,
    );
    const twin = rows.find(
      (other) =>
        other !== row && other.mixer === one.mixer && other.seqLen === one.seqLen && other.dModel === one.dModel,
    );
    if (twin && Math.abs(twin.firstLoss - row.firstLoss) > LOSS_TOLERANCE * twin.firstLoss) {
      console.error(
        `bench:step: expected stock to compute the same loss as ours, got ${row.firstLoss} and ${twin.firstLoss}. The times cannot be compared.`,
      );
      return 1;
    }
  }
  const { cpu, platform } = machine;
  const engine = rows.find((row) => row.engine !== 'stock')?.description ?? '';
  const header =
    `MQAR, V ${shared.vocabSize}, k = L / 4, batch ${shared.batchSize}; example generation, forward, backward and update. ` +
    `${cpu.model}, ${cpu.cores} cores, ${platform}, Node ${process.versions.node}. ${engine}. Command: npm run bench:step.`;
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  const markdown = toMarkdown(header, rows);
  await writeFile(join(out, 'step.md'), markdown);
  await writeFile(
    join(out, 'step.json'),
    `${JSON.stringify({ date: new Date().toISOString(), node: process.versions.node, machine, rows }, null, 2)}\n`,
  );
  console.log(`\n${markdown}\nWritten to ${out}.`);
  return 0;
}

process.exit(await main());
