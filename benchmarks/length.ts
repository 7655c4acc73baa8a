/**
 * `npm run bench:length`: time and memory of one layer against the length of the sequence, for every mixer: `forward`, and
 * `training`, which is the form of training with the gradients of x and of all parameters. The update of O(d^2)
 * parameters does not depend on the length and is left out; so is dropout.
 *
 * A mixer and pass has a process of its own, which goes up in length: memory is the process's peak so far, less what it was before
 * the first. A length that would take longer than `--most` seconds, were time quadratic, is left out and named so. Of repeats the
 * shortest counts, which other programs disturbed least. The exponent is the slope of log time over log length, least squares over the last three lengths measured.
 *
 * Options: `--mixers cat,mamba` (default: all), `--lengths 256,1024,4096,16384,65536`, `--width 64`, `--engine wasm`, `--most 60`,
 * `--out <directory>` (default reports/length: length.json, length.md, length.svg). `--write` puts table and plot into docs/performance.md.
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type ApplyContext,
  disposeTree,
  type EngineChoice,
  EVALUATION,
  flattenTree,
  type Mixer,
  randomNormal,
  type Tree,
  tf,
  unflattenTree,
  useEngine,
} from '@mixerzoo/core';
import { discoverPlugins, findPart } from '../packages/bench/src/plugins.js';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { writeDocsTable } from './docs-table.js';
import { drawPanels } from './length-chart.js';
import {
  exponentOf,
  type LengthResults,
  lengthMarkdown,
  milliseconds,
  PASSES,
  type Pass,
  type Point,
} from './length-table.js';

/** What is measured in one process. */
interface Case {
  readonly label: string;
  readonly mixer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly pass: Pass;
  readonly lengths: readonly number[];
  readonly dModel: number;
  readonly engine: string;
  /** Seconds. */
  readonly most: number;
}

interface Curve {
  readonly description: string;
  readonly points: readonly Point[];
  /** Lengths that would have taken too long. */
  readonly skipped: readonly number[];
}

/** Configs of a mixer that are measured beside its default, by pass. */
const VARIANTS: Readonly<
  Record<string, { readonly pass: Pass; readonly options: Readonly<Record<string, unknown>> }[]>
> = {
  landmarkCat: [{ pass: 'training', options: { training: 'sparse' } }],
};

/** Repeats of a length: as many as fit into this many milliseconds, within limits. */
const REPEATS = { milliseconds: 1500, least: 2, most: 20 };

const peakMiB = () => process.resourceUsage().maxRSS / 1024;

async function measureCase({ label, mixer: name, options, pass, lengths, dModel, engine, most }: Case): Promise<Curve> {
  const { description } = await useEngine(engine as EngineChoice);
  const { part: factory } = await findPart(await discoverPlugins(process.cwd()), 'mixers', name);
  const accepted = (config: object) =>
    factory.schema.safeParse({ dModel, ...options, ...config }).success ? config : {};
  const points: Point[] = [];
  const skipped: number[] = [];
  let before: number | undefined;
  for (const seqLen of lengths) {
    const last = points.at(-1);
    if (skipped.length > 0 || (last && last.milliseconds * (seqLen / last.seqLen) ** 2 > 1000 * most)) {
      skipped.push(seqLen);
      continue;
    }
    // Landmark CAT chooses its block size by the expected length; Hyena's filter is made for the longest.
    const expected = { ...accepted({ seqLen }), ...accepted({ maxLength: seqLen }) };
    const mixer = factory({ dModel, ...options, ...expected, ...accepted({ dropout: 0 }) });
    const params = mixer.init(1);
    const x = randomNormal<tf.Rank.R3>([1, seqLen, dModel], 1, 5);
    const once = async () => {
      const start = performance.now();
      await run(mixer, params, x, pass);
      return performance.now() - start;
    };
    if (before === undefined) {
      await once();
      before = peakMiB();
    }
    const first = await once();
    const { least, most: mostRepeats, milliseconds } = REPEATS;
    const repeats = Math.max(least, Math.min(mostRepeats, Math.floor(milliseconds / first)));
    const times = [first];
    while (times.length < repeats) times.push(await once());
    points.push({ label, pass, seqLen, milliseconds: Math.min(...times), repeats, peakMiB: peakMiB() - before });
    disposeTree(params);
    x.dispose();
  }
  return { description, points, skipped };
}

/** Forward, or forward and the gradients; waits for the engine. */
async function run(mixer: Mixer, params: Tree, x: tf.Tensor3D, pass: Pass): Promise<void> {
  if (pass === 'forward') {
    const y = tf.tidy(() => mixer.apply(params, x, EVALUATION));
    await y.data();
    return y.dispose();
  }
  const context: ApplyContext = { training: true, seed: 1 };
  const leaves = flattenTree(params);
  const gradients = tf.grads((at, ...tensors: tf.Tensor[]) => {
    const tree = unflattenTree(leaves.map(([path], index) => [path, tensors[index] as tf.Tensor] as const));
    return mixer
      .apply(tree, at as tf.Tensor3D, context)
      .square()
      .sum();
  })([x, ...leaves.map(([, leaf]) => leaf)]);
  await (gradients[0] as tf.Tensor).data();
  tf.dispose(gradients);
}

/** A measurement in a process of its own. */
function measure(one: Case): Promise<Curve> {
  return new Promise((resolveCurve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--case', JSON.stringify(one)]);
    let found: Curve | undefined;
    child.on('message', (message) => {
      found = message as Curve;
    });
    child.on('close', (code) => {
      if (found) resolveCurve(found);
      else
        reject(new Error(`bench:length: expected a measurement of ${one.label}, ${one.pass}, got exit code ${code}.`));
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' },
      mixers: { type: 'string' },
      lengths: { type: 'string', default: '256,1024,4096,16384,65536' },
      width: { type: 'string', default: '64' },
      engine: { type: 'string', default: 'wasm' },
      most: { type: 'string', default: '60' },
      out: { type: 'string', default: 'reports/length' },
      write: { type: 'boolean', default: false },
    },
  });
  if (values.case) {
    process.send?.(await measureCase(JSON.parse(values.case) as Case), () => process.exit(0));
    return new Promise(() => {});
  }
  const registry = await discoverPlugins(process.cwd());
  const names = values.mixers?.split(',') ?? registry.mixers.map(({ name }) => name);
  const lengths = values.lengths.split(',').map(Number);
  const shared = { lengths, dModel: Number(values.width), engine: values.engine, most: Number(values.most) };
  const cases = names.flatMap((mixer) =>
    PASSES.flatMap((pass): Case[] => {
      const variants = (VARIANTS[mixer] ?? []).filter((variant) => variant.pass === pass);
      return [{}, ...variants.map(({ options }) => options)].map((options) => {
        const label = [mixer, ...Object.values(options)].join(', ');
        return { ...shared, label, mixer, options, pass };
      });
    }),
  );
  const points: Point[] = [];
  let description = '';
  for (const one of cases) {
    const curve = await measure(one);
    description = curve.description;
    points.push(...curve.points);
    const times = curve.points.map((point) => `${point.seqLen}: ${milliseconds(point.milliseconds)} ms`);
    const skipped = curve.skipped.length > 0 ? `; over ${one.most} s: ${curve.skipped.join(', ')}` : '';
    console.log(`${one.label}, ${one.pass}: ${times.join(', ')}${skipped}`);
  }
  const { cpu, platform } = await describeMachine();
  const header =
    `${cpu.model}, ${cpu.cores} cores, ${platform}, Node ${process.versions.node}. ${description}. One sequence, d = ${shared.dModel}, one layer of ` +
    `the mixer alone. Shortest time in milliseconds / peak MiB beyond the process at the first length; the exponent is fitted over the last three lengths. Too long: more than ${values.most} s, if its time grew with the square. Command: npm run bench:length.`;
  const panels = PASSES.flatMap((pass) => {
    const ofPass = points.filter((point) => point.pass === pass);
    return [
      {
        title: `${pass}: time`,
        yTitle: 'milliseconds',
        points: ofPass.map((point) => ({ ...point, value: point.milliseconds })),
      },
      {
        title: `${pass}: memory`,
        yTitle: 'peak MiB',
        points: ofPass.map((point) => ({ ...point, value: Math.max(1, point.peakMiB) })),
      },
    ];
  });
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  const fits = PASSES.flatMap((pass) =>
    [...new Set(points.map(({ label }) => label))].flatMap((label) => {
      const ofCurve = points.filter((point) => point.pass === pass && point.label === label);
      return ofCurve.length > 0
        ? [{ label, pass, timeExponent: exponentOf(ofCurve, (point) => point.milliseconds) }]
        : [];
    }),
  );
  const results: LengthResults = { header, lengths, points, fits };
  await writeFile(join(out, 'length.json'), `${JSON.stringify(results, null, 2)}\n`);
  const markdown = `# Long sequences\n\n${lengthMarkdown(results, '##')}`;
  await writeFile(join(out, 'length.md'), markdown);
  const chart = await drawPanels(panels);
  await writeFile(join(out, 'length.svg'), chart);
  if (values.write) await writeDocsTable('length', results, lengthMarkdown(results, '###'), { plot: chart });
  console.log(`\n${markdown}\nWritten to ${out}.`);
}

await main();
process.exit(0);
