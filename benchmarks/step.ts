/**
 * `npm run bench:step`: how long a training step takes, and what memory it needs, on the embedded engine; beside it the
 * step that stock TensorFlow.js takes for the same model. Each measurement has a process of its own.
 *
 * Default: one layer of CAT at the paper's V = 8192, L = 64, k = 16, d = 64, batch 64. Options: `--mixers cat,attention`
 * (or `all`), `--lengths 64,256`, `--widths 64,128`, `--vocab 512,8192`, `--batch 64`, `--steps 20`, `--stock-steps 5` (0:
 * none), `--engine wasm`, `--out <directory>` (default reports/step: step.json, step.md).
 *
 * `--profile` says instead where a step's time goes on wasm: per op, TensorFlow.js's dispatch and tape, the JavaScript beside,
 * memory, tensors, copies (profile.json, profile.md).
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type EngineChoice, foldIn, useEngine } from '@mixerzoo/core';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { type Spread, spreadOf } from '../packages/bench/src/runs/spread.js';
import { createCaseTrainer, LEARNING_RATE, mixerNames, planCase, type StepCase } from './step-case.js';
import { profileMarkdown, profileStep, type StepProfile } from './step-profile.js';
import { createStockTraining, openStockWasm } from './stock-cat.js';

/** One measurement to make. */
interface Case extends StepCase {
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
/** Relative; both compute in float32, in different orders. */
const LOSS_TOLERANCE = 1e-4;

async function measureOurs(one: Case): Promise<Measurement> {
  const { description } = await useEngine(one.engine as EngineChoice);
  const trainer = await createCaseTrainer(one, one.steps + WARM_UP.ours);
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

/** What a process of its own finds about a case. */
function inChild<T>(what: 'case' | 'profile-case', one: Case): Promise<T> {
  return new Promise((resolveResult, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [`--${what}`, JSON.stringify(one)]);
    let found: T | undefined;
    child.on('message', (message) => {
      found = message as T;
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

/** The same model in the same sizes. */
const isTwin = (one: Case) => (other: Case) =>
  other.mixer === one.mixer &&
  other.seqLen === one.seqLen &&
  other.dModel === one.dModel &&
  other.vocabSize === one.vocabSize;

function toMarkdown(header: string, rows: readonly Measurement[]): string {
  const lines = rows.map((row) => {
    const stock = rows.filter(isTwin(row)).find(({ engine }) => engine === 'stock');
    const ratio = stock && stock !== row ? `${(stock.median / row.median).toFixed(1)} x` : '';
    const spread = `${row.lowerQuartile.toFixed(1)} - ${row.upperQuartile.toFixed(1)}`;
    return `| ${row.mixer} | ${row.engine} | ${row.vocabSize.toLocaleString('en')} | ${row.seqLen} | ${row.dModel} | ${row.median.toFixed(1)} | ${spread} | ${Math.round(row.tokensPerSecond).toLocaleString('en')} | ${Math.round(row.peakMemoryMiB)} | ${ratio} |`;
  });
  return [
    '# Training step',
    '',
    header,
    '',
    '| mixer, 1 layer | engine | V | L | d | ms a step, median | quartiles | tokens/s | peak memory, MiB | faster than stock |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
  ].join('\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' },
      'profile-case': { type: 'string' },
      profile: { type: 'boolean', default: false },
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
  const asked = values.case ?? values['profile-case'];
  if (asked) {
    const one = JSON.parse(asked) as Case;
    const measured = values.case ? (one.engine === 'stock' ? measureStock : measureOurs) : profileStep;
    process.send?.(await measured(one), () => process.exit(0));
    return new Promise(() => {});
  }
  const cases = await casesOf(values);
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  return values.profile ? profile(cases, out) : compare(cases, out);
}

async function casesOf(values: {
  readonly mixers: string;
  readonly vocab: string;
  readonly lengths: string;
  readonly widths: string;
  readonly batch: string;
  readonly steps: string;
  readonly 'stock-steps': string;
  readonly engine: string;
  readonly profile: boolean;
}): Promise<Case[]> {
  const numbers = (text: string) => text.split(',').map(Number);
  const mixers = values.mixers === 'all' ? await mixerNames() : values.mixers.split(',');
  const stockSteps = values.profile ? 0 : Number(values['stock-steps']);
  return numbers(values.vocab).flatMap((vocabSize) =>
    numbers(values.lengths).flatMap((seqLen) =>
      numbers(values.widths).flatMap((dModel) =>
        mixers.flatMap((mixer): Case[] => {
          const one = { mixer, seqLen, dModel, vocabSize, batchSize: Number(values.batch) };
          return [
            { ...one, engine: values.engine, steps: Number(values.steps) },
            ...(mixer === 'cat' && stockSteps > 0 ? [{ ...one, engine: 'stock', steps: stockSteps }] : []),
          ];
        }),
      ),
    ),
  );
}

async function profile(cases: readonly Case[], out: string): Promise<number> {
  const machine = await describeMachine();
  const profiles: StepProfile[] = [];
  for (const one of cases) {
    profiles.push(await inChild<StepProfile>('profile-case', one));
    console.log(profileMarkdown(profiles.slice(-1)));
  }
  await writeFile(join(out, 'profile.md'), profileMarkdown(profiles));
  const record = { date: new Date().toISOString(), node: process.versions.node, machine, profiles };
  await writeFile(join(out, 'profile.json'), `${JSON.stringify(record, null, 2)}\n`);
  console.log(`Written to ${out}.`);
  return 0;
}

async function compare(cases: readonly Case[], out: string): Promise<number> {
  const machine = await describeMachine();
  const rows: Measurement[] = [];
  for (const one of cases) {
    const row = await inChild<Measurement>('case', one);
    rows.push(row);
    console.log(
      `${one.mixer} on ${one.engine}, V ${one.vocabSize}, L ${one.seqLen}, d ${one.dModel}, batch ${one.batchSize}: ${row.median.toFixed(1)} ms a step ` +
        `(quartiles ${row.lowerQuartile.toFixed(1)} - ${row.upperQuartile.toFixed(1)}), peak memory ${Math.round(row.peakMemoryMiB)} MiB, first loss ${row.firstLoss.toFixed(5)}`,
    );
    const twin = rows.filter(isTwin(row)).find((other) => other !== row);
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
    `MQAR, k = L / 4, batch ${cases[0]?.batchSize}; example generation, forward, backward and update. ` +
    `${cpu.model}, ${cpu.cores} cores, ${platform}, Node ${process.versions.node}. ${engine}. Command: npm run bench:step.`;
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
