/**
 * `npm run bench:decode`: what one more token costs after L tokens, for every mixer of the zoo. The state is prefilled,
 * then `step` is timed; before that, prefill and `step` are held to `apply`. Between the steps as many bytes as the state has are
 * copied within the machine's memory: what reading it once costs at best.
 *
 * Options: `--mixers cat,mamba` (default: all), `--lengths 256,1024,4096,16384`, `--width 64`, `--batch 1`, `--steps 256`,
 * `--engine wasm`, `--out <directory>` (default reports/decode: decode.json, decode.md). `--write` puts the tables into docs/performance.md.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { disposeTree, type EngineChoice, type Mixer, randomNormal, type Tree, tf, useEngine } from '@mixerzoo/core';
import { mean } from 'simple-statistics';
import { discoverPlugins, findPart } from '../packages/bench/src/plugins.js';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { spreadOf } from '../packages/bench/src/runs/spread.js';
import { type DecodeResults, decodeMarkdown, type Measurement, timesCopying } from './decode-table.js';
import { writeDocsTable } from './docs-table.js';

const WARM_UP = 8;
/** Length at which the forms are compared, and the largest error allowed, of the largest magnitude. */
const CHECKED = { seqLen: 70, prompt: 41, tolerance: 1e-4 };

/** Steps, then as many copies, in turn. */
const ROUND = 16;

const input = (batch: number, seqLen: number, dModel: number) =>
  randomNormal<tf.Rank.R3>([batch, seqLen, dModel], 1, 5);

/** Feeds x through `step`; returns the outputs and the state. */
function stepThrough(mixer: Mixer, params: Tree, x: tf.Tensor3D, state: Tree) {
  const tokens = tf.unstack(x, 1) as tf.Tensor2D[];
  let current = state;
  const outputs = tokens.map((token) => {
    const { y, state: next } = mixer.step(params, token, current);
    current = next;
    return y;
  });
  tf.dispose(tokens);
  return { outputs, state: current };
}

/** Throws unless prefill and steps compute what `apply` does. */
async function checkForms(mixer: Mixer, params: Tree, dModel: number): Promise<void> {
  const { seqLen, prompt, tolerance } = CHECKED;
  const x = input(2, seqLen, dModel);
  const [head, tail] = tf.split(x, [prompt, seqLen - prompt], 1) as [tf.Tensor3D, tf.Tensor3D];
  const filled = mixer.prefill(params, head);
  const rest = stepThrough(mixer, params, tail, filled.state);
  const worst = tf.tidy(() => {
    const parallel = mixer.apply(params, x);
    const recurrent = tf.concat([filled.y, tf.stack(rest.outputs, 1)], 1);
    return tf.stack([tf.sub(parallel, recurrent).abs().max(), parallel.abs().max()]);
  });
  const [error, scale] = (await worst.data()) as unknown as [number, number];
  if (!(error <= tolerance * scale)) {
    throw new Error(
      `bench:decode: ${mixer.name}: expected step to equal apply within ${tolerance}, got ${error / scale}.`,
    );
  }
  disposeTree(rest.state);
  tf.dispose([x, head, tail, worst, filled.y, ...rest.outputs]);
}

async function measure(
  mixer: Mixer,
  params: Tree,
  options: { batch: number; dModel: number; seqLen: number; steps: number },
): Promise<Measurement> {
  const { batch, dModel, seqLen, steps } = options;
  const prompt = input(batch, seqLen, dModel);
  const start = performance.now();
  const filled = mixer.prefill(params, prompt);
  await filled.y.data();
  const prefill = performance.now() - start;
  tf.dispose([prompt, filled.y]);
  let { state } = filled;

  const stateSize = mixer.stateSize(seqLen);
  const [from, to] = [new Float32Array(batch * stateSize).fill(1), new Float32Array(batch * stateSize)];
  const [times, copies]: [number[], number[]] = [[], []];
  const token = randomNormal<tf.Rank.R2>([batch, dModel], 1, 6);
  for (let index = 0; index < WARM_UP + steps; index += 1) {
    const before = performance.now();
    const next = mixer.step(params, token, state);
    await next.y.data();
    if (index >= WARM_UP) times.push(performance.now() - before);
    next.y.dispose();
    state = next.state;
    if (index % ROUND !== ROUND - 1) continue;
    for (let copy = 0; copy < ROUND; copy += 1) {
      const before = performance.now();
      to.set(from);
      copies.push(performance.now() - before);
    }
  }
  disposeTree(state);
  token.dispose();
  return {
    mixer: mixer.name,
    seqLen,
    ...spreadOf(times),
    mean: mean(times),
    prefill,
    stateSize,
    copy: spreadOf(copies),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mixers: { type: 'string' },
      lengths: { type: 'string', default: '256,1024,4096,16384' },
      width: { type: 'string', default: '64' },
      batch: { type: 'string', default: '1' },
      steps: { type: 'string', default: '256' },
      engine: { type: 'string', default: 'wasm' },
      out: { type: 'string', default: 'reports/decode' },
      write: { type: 'boolean', default: false },
    },
  });
  const engine = await useEngine(values.engine as EngineChoice);
  const registry = await discoverPlugins(process.cwd());
  const names = values.mixers?.split(',') ?? registry.mixers.map(({ name }) => name);
  const lengths = values.lengths.split(',').map(Number);
  const [dModel, batch] = [Number(values.width), Number(values.batch)];
  const rows: Measurement[] = [];
  for (const name of names) {
    const { part: factory } = await findPart(registry, 'mixers', name);
    for (const seqLen of lengths) {
      // Landmark CAT chooses its block size by the expected length; Hyena's filter is made for the longest.
      const accepted = (config: object) => (factory.schema.safeParse({ dModel, ...config }).success ? config : {});
      const maxLength = Math.max(CHECKED.seqLen, seqLen + WARM_UP + Number(values.steps));
      const mixer = factory({ dModel, ...accepted({ seqLen }), ...accepted({ maxLength }) });
      const params = mixer.init(1);
      if (seqLen === lengths[0]) await checkForms(mixer, params, dModel);
      const row = await measure(mixer, params, { batch, dModel, seqLen, steps: Number(values.steps) });
      disposeTree(params);
      rows.push(row);
      console.log(
        `${name}, L = ${seqLen}: ${row.median.toFixed(2)} ms a token, ${timesCopying(row).toFixed(1)} x copying its state of ${row.stateSize.toLocaleString('en')} elements`,
      );
    }
  }
  const { cpu, platform } = await describeMachine();
  const header = `${cpu.model}, ${cpu.cores} cores, ${platform}, Node ${process.versions.node}. ${engine.description}. ${batch === 1 ? 'One sequence' : `${batch} sequences`}, d = ${dModel}, one layer, ${values.steps} tokens timed. Command: npm run bench:decode.`;
  await mkdir(values.out, { recursive: true });
  const results: DecodeResults = { header, lengths, rows };
  await writeFile(join(values.out, 'decode.json'), `${JSON.stringify(results, null, 2)}\n`);
  const markdown = `# Generation\n\n${decodeMarkdown(results, '##')}`;
  await writeFile(join(values.out, 'decode.md'), markdown);
  if (values.write) await writeDocsTable('decode', results, decodeMarkdown(results, '###'));
  console.log(`\n${markdown}`);
}

await main();
process.exit(0);
