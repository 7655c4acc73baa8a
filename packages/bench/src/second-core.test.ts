/** The command with plugins that have a core of their own: nested, linked, or beside the project and not the command. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { installCopy } from '../../core/src/__fixtures__/install-copy.js';
import { mixerzoo } from './__fixtures__/command.js';
import { TINY } from './__fixtures__/tiny-experiment.js';
import { loadRuns } from './runs/read-results.js';
import type { RunDone } from './runs/results.js';

const CORE = fileURLToPath(new URL('../../core', import.meta.url));
const INSTALLED = join(dirname(createRequire(import.meta.url).resolve('zod/package.json')), '..');

/** A mixer on kernels of core, with a state. */
const MIXER = `
import { defineMixer, definePlugin, randomNormal, tf } from '@mixerzoo/core';
import { linear, shortConvolution, silu } from '@mixerzoo/core/blocks';
import * as z from 'zod';
const convolution = defineMixer({
  name: 'theirs',
  summary: 'A convolution of two taps.',
  schema: z.strictObject({ dModel: z.int() }),
  create: ({ dModel }) => ({
    init: (seed) => ({ filter: randomNormal([1, 2], 0.5, seed), weight: randomNormal([dModel, dModel], 0.2, seed + 1) }),
    apply: ({ filter, weight }, x) => silu(linear(shortConvolution(x, filter, { shape: 'perHead' }), { weight })),
    initState: (batchSize) => ({ last: tf.zeros([batchSize, dModel]) }),
    step({ filter, weight }, x, { last }) {
      const y = tf.tidy(() => {
        const [now, before] = tf.split(filter, 2, 1).map((tap) => tf.reshape(tap, []));
        return silu(linear(x.mul(now).add(last.mul(before)), { weight }));
      });
      last.dispose();
      return { y, state: { last: x.clone() } };
    },
    stateSize: () => dModel,
    flops: (seqLen) => 2 * seqLen * dModel * dModel,
  }),
});
export const plugin = definePlugin({ mixers: [convolution] });`;

const TASK = `
import { createRng, definePlugin, defineTask } from '@mixerzoo/core';
import * as z from 'zod';
const echo = defineTask({
  name: 'echo',
  summary: 'The token once more.',
  schema: z.strictObject({}),
  create: () => ({
    vocabSize: 8,
    seqLen: 4,
    labelsPerExample: 4,
    chance: 1 / 8,
    generate({ seed, count }) {
      const rng = createRng(seed);
      const inputs = Int32Array.from({ length: 4 * count }, () => rng.integer(8));
      return { count, seqLen: 4, inputs, labels: inputs };
    },
    solve: (inputs) => inputs,
    atLength: () => echo({}),
  }),
});
export const plugin = definePlugin({ tasks: [echo] });`;

const CONFIG = TINY.replace('models: { One: { layers: [attention] } }', 'models: { One: { layers: [theirs] } }');

const root = mkdtempSync(join(tmpdir(), 'mixerzoo-second-core-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A project with a plugin of mixers and one of tasks; `core` puts core into a plugin's node_modules. */
async function project(name: string, core: (at: string) => Promise<void> | void): Promise<string> {
  const cwd = join(root, name);
  for (const [plugin, code] of Object.entries({ mixers: MIXER, tasks: TASK })) {
    const directory = join(cwd, 'node_modules', `their-${plugin}`);
    mkdirSync(join(directory, 'node_modules/@mixerzoo'), { recursive: true });
    const manifest = {
      name: `their-${plugin}`,
      version: '1.0.0',
      type: 'module',
      keywords: ['mixerzoo-plugin'],
      exports: './index.js',
    };
    writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(directory, 'index.js'), code);
    symlinkSync(join(INSTALLED, 'zod'), join(directory, 'node_modules/zod'), 'junction');
    await core(join(directory, 'node_modules/@mixerzoo/core'));
  }
  writeFileSync(join(cwd, 'tiny.yaml'), CONFIG);
  return cwd;
}

/** What a run printed, and its numbers. */
async function train(cwd: string) {
  const { code, stderr } = await mixerzoo(cwd, 'run', 'tiny.yaml');
  const [run] = await loadRuns(join(cwd, 'runs'));
  const { validation, test } = (run?.result ?? {}) as RunDone;
  return { code, stderr, validation, test, losses: run?.steps.map(({ loss }) => loss) };
}

describe('mixerzoo run', () => {
  it('trains alike, and in silence, with plugins that have a core and a TensorFlow.js of their own', async () => {
    const one = await train(await project('one', (at) => symlinkSync(CORE, at, 'junction')));
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one.losses).toHaveLength(10);
    expect(await train(await project('nested', (at) => installCopy(at)))).toEqual(one);
    expect(await train(await project('linked', (at) => installCopy(at, { ownTensorflow: true })))).toEqual(one);
  }, 300_000);
});
