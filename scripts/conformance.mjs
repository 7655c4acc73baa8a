/**
 * Whether an engine computes what it should, as a plain script on built packages: `node scripts/conformance.mjs webgpu`.
 *
 * 1. Every mixer: output and gradients of its fast kernels against its reference forms, on the engine.
 * 2. Every mixer: the losses of 20 training steps against those of the wasm engine, in a process of its own.
 *
 * Prints a table; the exit code is 1 if anything is off. `--json` prints the numbers instead, `--kernels` leaves
 * the training out.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createRng, currentEngine, disposeTree, flattenTree, tf, useEngine } from '@mixerzoo/core';
import { withTensors } from '@mixerzoo/core/harness';
import { withReferenceForms } from '@mixerzoo/core/kernels';

/** As in the tests, shares of the largest magnitude: `packages/core/src/testing/tolerance.ts`. */
const TOLERANCES = { kernels: 5e-5, training: 2e-5 };
const SHAPE = [2, 37, 24];

const cli = fileURLToPath(
  new URL('bin/mixerzoo.mjs', pathToFileURL(createRequire(import.meta.url).resolve('@mixerzoo/bench/package.json'))),
);

async function mixerFactories() {
  const scope = dirname(dirname(dirname(cli)));
  const factories = [];
  for (const name of readdirSync(scope)) {
    const manifest = JSON.parse(readFileSync(join(scope, name, 'package.json'), 'utf8'));
    if (!manifest.keywords?.includes('mixerzoo-plugin')) continue;
    const { plugin } = await import(manifest.name);
    factories.push(...plugin.mixers);
  }
  return factories;
}

/** Output and gradients of a mixer by name. Everything is recorded before the first await: reference forms are in force till then. */
function evaluate(mixer, params, x) {
  const leaves = flattenTree(params);
  const weights = tf.cos(tf.range(0, x.size)).reshape(SHAPE);
  const applied = (input, ...values) => mixer.apply(withTensors(params, values), input);
  const y = mixer.apply(params, x);
  const inputs = [x, ...leaves.map(([, leaf]) => leaf)];
  const grads = tf.grads((...values) => tf.sum(tf.mul(applied(...values), weights)))(inputs);
  const names = ['y', 'dx', ...leaves.map(([path]) => path)];
  const read = Promise.all([y, ...grads].map(async (tensor, i) => [names[i], await tensor.data()]));
  return read.then((entries) => {
    tf.dispose([weights, y, grads]);
    return Object.fromEntries(entries);
  });
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The largest difference, as a share of the largest magnitude, which is taken as `floor` at least. */
function difference(actual, expected, floor = 1e-6) {
  let error = 0;
  for (let i = 0; i < expected.length; i += 1) {
    error = Math.max(error, Number.isFinite(actual[i]) ? Math.abs(actual[i] - expected[i]) : Infinity);
  }
  return error / Math.max(largest(expected), floor);
}

async function kernelDifference(factory) {
  const mixer = factory({ dModel: SHAPE[2] });
  const params = mixer.init(1);
  const rng = createRng(2);
  const x = tf.tensor(
    Float32Array.from({ length: SHAPE.reduce((a, b) => a * b) }, () => rng.normal()),
    SHAPE,
  );
  const actual = await evaluate(mixer, params, x);
  const expected = await withReferenceForms(() => evaluate(mixer, params, x));
  x.dispose();
  disposeTree(params);
  // A gradient that is zero by theory (the keys' bias under a softmax) is rounding alone: held to the others' size.
  const floor = 1e-3 * Math.max(...Object.values(expected).map(largest));
  return Math.max(...Object.keys(expected).map((name) => difference(actual[name], expected[name], floor)));
}

async function lossesOn(engine) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [cli, 'engines', 'verify', engine, '--all', '--json'],
    {
      env: { ...process.env, MIXERZOO_ENGINE: engine },
      maxBuffer: 2 ** 26,
    },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)).losses;
}

const [engine = 'webgpu'] = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const json = process.argv.includes('--json');
await useEngine(engine).catch(({ message }) => {
  console.error(message);
  process.exit(1);
});
if (!json) console.log(`${engine}: ${currentEngine().description}\n`);
const withTraining = !process.argv.includes('--kernels');
const [actual, expected] = withTraining ? [await lossesOn(engine), await lossesOn('wasm')] : [{}, {}];
const rows = [];
for (const factory of await mixerFactories()) {
  const name = factory.mixerName;
  const kernels = await kernelDifference(factory);
  const training = withTraining ? difference(actual[name] ?? [], expected[name] ?? [Number.NaN]) : 0;
  rows.push({ mixer: name, kernels, training, ok: kernels <= TOLERANCES.kernels && training <= TOLERANCES.training });
  if (!json) {
    const { ok } = rows.at(-1);
    console.log(
      `${ok ? 'ok ' : 'OFF'}  ${name.padEnd(24)} kernels ${kernels.toExponential(1)}${withTraining ? `  training ${training.toExponential(1)}` : ''}`,
    );
  }
}
const off = rows.filter(({ ok }) => !ok);
if (json)
  console.log(JSON.stringify({ engine, description: currentEngine().description, tolerances: TOLERANCES, rows }));
else
  console.log(
    `\n${rows.length - off.length} of ${rows.length} mixers within tolerance (kernels ${TOLERANCES.kernels}, training ${TOLERANCES.training}).`,
  );
process.exit(off.length === 0 && rows.length > 0 ? 0 : 1);
