/**
 * `npm run bench:kernels`: every op with a kernel, forward and forward with backward, beside its reference form on the
 * same engine and on the wasm backend of TensorFlow.js as npm installs it. Speed is printed only of what agrees: values
 * and gradients are compared first. Rates are shares of what one core of this machine was measured to reach.
 *
 * Options: `--only <part of a name>`, `--time 300` (ms per measurement), `--out <directory>` (default
 * reports/kernels: kernels.json, kernels.md).
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tf, useEngine } from '@mixerzoo/core';
import { measureWasmPeak, type WasmPeak } from '@mixerzoo/core/harness';
import { withReferenceForms } from '@mixerzoo/core/kernels';
import { Bench } from 'tinybench';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { type Spread, spreadOf } from '../packages/bench/src/runs/spread.js';
import type { KernelCase } from './kernel-case.js';
import { kernelCases } from './kernel-cases.js';
import { openStockWasm } from './stock-cat.js';

type Pass = 'forward' | 'forward and backward';
type Form = 'kernel' | 'reference' | 'stock';

interface Row {
  readonly name: string;
  readonly sizes: string;
  readonly pass: Pass;
  /** GFLOP, or GB, of the pass: backward is counted as twice forward. */
  readonly work: { readonly flop?: number; readonly bytes?: number };
  readonly times: Partial<Record<Form, Spread>>;
  /** Share of the peak; of FLOP/s or of bytes/s. */
  readonly share: number;
  /** Largest error of values and gradients against the reference form, of the largest magnitude. */
  readonly error: number;
}

/** What one process sends to the other: times by `name|sizes|pass`. */
type StockTimes = Record<string, Spread>;

const TOLERANCE = 1e-5;
/** A call that takes longer is measured once, ms. */
const LONG = 2000;
const PASSES: readonly Pass[] = ['forward', 'forward and backward'];
const keyOf = (one: KernelCase, pass: Pass) => `${one.name}|${one.sizes}|${pass}`;

/** One call of a pass, which frees what it made. */
function passOf(one: KernelCase, inputs: readonly tf.Tensor[], pass: Pass): () => void {
  if (pass === 'forward') return () => tf.tidy(() => void one.run(inputs));
  const dy = tf.tidy(() => tf.ones(one.run(inputs).shape));
  const gradient = gradientOf(one, inputs);
  return () => tf.dispose(gradient(dy));
}

function gradientOf(one: KernelCase, inputs: readonly tf.Tensor[]): (dy: tf.Tensor) => tf.Tensor[] {
  const at = inputs.filter((input) => input.dtype === 'float32');
  const gradient = tf.grads((...leaves: tf.Tensor[]) => {
    const given = [...leaves];
    return one.run(inputs.map((input) => (input.dtype === 'float32' ? (given.shift() as tf.Tensor) : input)));
  });
  return (dy) => gradient(at, dy);
}

/** Milliseconds. Two calls at least, after one to warm up; of a call that takes long, that one. */
async function time(body: () => void, milliseconds: number): Promise<Spread> {
  const start = performance.now();
  body();
  const first = performance.now() - start;
  if (first > LONG) return { median: first, lowerQuartile: first, upperQuartile: first };
  const bench = new Bench({
    time: milliseconds,
    iterations: 2,
    warmupTime: milliseconds / 4,
    warmupIterations: 1,
    retainSamples: true,
  });
  bench.add('pass', body);
  const [task] = await bench.run();
  const result = task?.result;
  if (!result || !('latency' in result)) {
    throw result && 'error' in result ? result.error : new Error('bench:kernels: a measurement did not complete.');
  }
  return spreadOf(result.latency.samples ?? []);
}

/** The largest error of values and gradients, relative to the largest magnitude of each tensor. */
function errorOf(one: KernelCase, inputs: readonly tf.Tensor[]): number {
  return tf.tidy(() => {
    const evaluate = () => {
      const y = one.run(inputs);
      const dy = tf.sin(tf.range(0, y.size)).reshape(y.shape);
      return [y, ...gradientOf(one, inputs)(dy)];
    };
    const expected = withReferenceForms(evaluate);
    return Math.max(
      ...evaluate().map((tensor, index) => {
        const reference = (expected[index] as tf.Tensor).dataSync();
        const [worst, scale] = [...tensor.dataSync().entries()].reduce(
          ([error, largest], [at, value]) => {
            const other = reference[at] as number;
            const difference = Math.abs(value - other);
            return [Math.max(difference, error), Math.max(largest, Math.abs(other))];
          },
          [0, 1e-6] as [number, number],
        );
        return worst / scale;
      }),
    );
  });
}

function workOf(one: KernelCase, pass: Pass): Row['work'] {
  const factor = pass === 'forward' ? 1 : 3;
  return 'flop' in one.work ? { flop: factor * one.work.flop } : { bytes: factor * one.work.bytes };
}

function shareOf({ flop, bytes = 0 }: Row['work'], milliseconds: number, peak: WasmPeak): number {
  return flop === undefined
    ? bytes / milliseconds / 1e6 / peak.gigabytesPerSecond
    : flop / milliseconds / 1e6 / peak.gigaflops;
}

/** In a process of its own: reference forms on the stock backend, none of whose kernels are replaced. */
async function measureStock(only: string, milliseconds: number): Promise<StockTimes> {
  await openStockWasm();
  const found: StockTimes = {};
  for (const one of (await kernelCases()).filter(({ name }) => name.includes(only))) {
    const inputs = one.inputs();
    for (const pass of PASSES) {
      try {
        const body = withReferenceForms(() => passOf(one, inputs, pass));
        found[keyOf(one, pass)] = await time(() => withReferenceForms(body), milliseconds);
      } catch (error) {
        console.error(`bench:kernels: stock ${keyOf(one, pass)}: ${error instanceof Error ? error.message : error}`);
      }
    }
    tf.dispose(inputs);
  }
  return found;
}

function stockTimes(argv: readonly string[]): Promise<StockTimes> {
  return new Promise((resolveTimes, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--stock', ...argv]);
    let found: StockTimes | undefined;
    child.on('message', (message) => {
      found = message as StockTimes;
    });
    child.on('close', (code) => {
      if (found) resolveTimes(found);
      else reject(new Error(`bench:kernels: expected measurements of the stock engine, got exit code ${code}.`));
    });
  });
}

/** Rows of one case, or none if its kernel disagrees with its reference form. */
async function measureCase(one: KernelCase, stock: StockTimes, milliseconds: number, peak: WasmPeak): Promise<Row[]> {
  const inputs = one.inputs();
  const { name, sizes, tolerance = TOLERANCE } = one;
  try {
    const error = errorOf(one, inputs);
    if (!(error <= tolerance)) {
      console.error(
        `bench:kernels: ${name} ${sizes}: expected an error of at most ${tolerance}, got ${error}. Not measured.`,
      );
      return [];
    }
    const rows: Row[] = [];
    for (const pass of PASSES) {
      const body = passOf(one, inputs, pass);
      const kernel = await time(body, milliseconds);
      const reference = await time(() => withReferenceForms(body), milliseconds);
      const work = workOf(one, pass);
      const theirs = stock[keyOf(one, pass)];
      const times = { kernel, reference, ...(theirs ? { stock: theirs } : {}) };
      const row = { name, sizes, pass, work, times, share: shareOf(work, kernel.median, peak), error };
      rows.push(row);
      console.log(formatRow(row));
    }
    return rows;
  } finally {
    tf.dispose(inputs);
  }
}

const milliseconds = (spread: Spread | undefined) => (spread ? spread.median.toPrecision(3) : 'cannot');
const ratio = (slow: Spread | undefined, fast: Spread) => (slow ? `${(slow.median / fast.median).toFixed(1)} x` : '');

function rateOf({ work, times }: Row): string {
  const { flop, bytes = 0 } = work;
  const rate = (flop ?? bytes) / (times.kernel as Spread).median / 1e6;
  return `${rate.toPrecision(3)} ${flop === undefined ? 'GB/s' : 'GFLOP/s'}`;
}

function formatRow(row: Row): string {
  const { kernel, reference, stock } = row.times as Record<Form, Spread>;
  const columns = [
    row.name,
    row.sizes,
    row.pass,
    milliseconds(kernel),
    `${kernel.lowerQuartile.toPrecision(3)} - ${kernel.upperQuartile.toPrecision(3)}`,
    rateOf(row),
    `${(100 * row.share).toFixed(0)} %`,
    milliseconds(reference),
    ratio(reference, kernel),
    milliseconds(stock),
    ratio(stock, kernel),
  ];
  return `| ${columns.join(' | ')} |`;
}

function toMarkdown(header: string, rows: readonly Row[]): string {
  return [
    '# Kernels',
    '',
    header,
    '',
    '| op | sizes | pass | ms, median | quartiles | rate | of peak | reference form, ms | slower by | stock TensorFlow.js, ms | slower by |',
    '|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...rows.map(formatRow),
    '',
  ].join('\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      stock: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      time: { type: 'string', default: '300' },
      out: { type: 'string', default: 'reports/kernels' },
    },
  });
  const duration = Number(values.time);
  const cases = (await kernelCases()).filter(({ name }) => name.includes(values.only));
  if (cases.length === 0) {
    const names = [...new Set((await kernelCases()).map(({ name }) => name))].join(', ');
    throw new Error(`bench:kernels: --only: expected a part of one name, got '${values.only}'. There are ${names}.`);
  }
  if (values.stock) {
    process.send?.(await measureStock(values.only, duration), () => process.exit(0));
    return new Promise(() => {});
  }
  const stock = await stockTimes(['--only', values.only, '--time', values.time]);
  const engine = await useEngine('wasm');
  const peak = measureWasmPeak();
  const machine = await describeMachine();
  const rows: Row[] = [];
  let wrong = 0;
  for (const one of cases) {
    const found = await measureCase(one, stock, duration, peak);
    if (found.length === 0) wrong += 1;
    rows.push(...found);
  }
  const header =
    `${machine.cpu.model}, ${machine.cpu.cores} cores, ${machine.platform}, Node ${process.versions.node}. ${engine.description}. ` +
    `Peak of one core, measured: ${peak.gigaflops.toFixed(1)} GFLOP/s of multiply-adds on registers, ` +
    `${peak.gigabytesPerSecond.toFixed(1)} GB/s copying 1 MiB. Backward is counted as twice the work of forward. ` +
    'Stock: the reference form on the wasm backend of TensorFlow.js 4.22 as npm installs it. Command: npm run bench:kernels.';
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  const markdown = toMarkdown(header, rows);
  await writeFile(join(out, 'kernels.md'), markdown);
  const record = {
    date: new Date().toISOString(),
    node: process.versions.node,
    machine,
    engine: engine.description,
    peak,
    rows,
  };
  await writeFile(join(out, 'kernels.json'), `${JSON.stringify(record, null, 2)}\n`);
  console.log(`\n${markdown}\nWritten to ${out}.`);
  return wrong === 0 ? 0 : 1;
}

process.exit(await main());
