/** Parts of every kind from an installed package, in real runs of a project. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { mixerzoo as command } from './__fixtures__/command.js';
import { loadRuns } from './runs/read-results.js';

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url));
const FIXTURE = fileURLToPath(new URL('./__fixtures__/zoo-extras', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-parts-'));
afterAll(() => rmSync(cwd, { recursive: true }));

mkdirSync(join(cwd, 'node_modules', '@mixerzoo'), { recursive: true });
for (const name of ['core', 'bench']) {
  symlinkSync(join(PACKAGES, name), join(cwd, 'node_modules', '@mixerzoo', name), 'junction');
}
symlinkSync(join(PACKAGES, '..', 'node_modules', 'zod'), join(cwd, 'node_modules', 'zod'), 'junction');
const installed = join(cwd, 'node_modules', 'zoo-extras');
cpSync(FIXTURE, installed, { recursive: true });

async function mixerzoo(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await command(cwd, ...args);
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  return stdout;
}

describe('a package with parts of every kind', () => {
  it('is listed beside what the zoo itself brings, by the same way', async () => {
    const rows = JSON.parse(await mixerzoo('list', 'channel-mixers', '--json')) as object[];
    expect(rows).toMatchObject([
      { name: 'mlp', package: '@mixerzoo/core' },
      { name: 'swiGlu', package: '@mixerzoo/core' },
      { name: 'gate', package: 'zoo-extras', options: { properties: { gain: { type: 'number', default: 1 } } } },
    ]);
    const { plugins } = JSON.parse(await mixerzoo('doctor', '--json')) as { plugins: { name: string }[] };
    const of = (name: string) => plugins.find((plugin) => plugin.name === name);
    expect(of('@mixerzoo/core')).toMatchObject({ channelMixers: ['mlp', 'swiGlu'], norms: ['layerNorm', 'rmsNorm'] });
    expect(of('@mixerzoo/bench')).toMatchObject({
      presets: ['quick', 'recall-recipes', 'paper-cell', 'selective-copying'],
    });
    expect(of('zoo-extras')).toMatchObject({
      channelMixers: ['gate'],
      norms: ['dynamicTanh'],
      models: ['gated', 'far', 'tuned'],
      presets: ['squashed'],
      figures: ['squashed-lengths'],
    });
  });

  it('brings models, counted where their parts are installed, and an experiment stands on them', async () => {
    const rows = JSON.parse(await mixerzoo('list', 'models', '--json')) as { package: string }[];
    const [gated, far, tuned] = rows.filter((row) => row.package === 'zoo-extras');
    const parameters = 32 * 8 + 2 * (16 + 16 + 4 * (64 + 8) + 8) + 16; // embedding; norms, attention, gate; last norm
    expect(gated).toMatchObject({
      name: 'gated',
      parameters,
      summary: `A gate beside it. ${parameters} parameters with 32 tokens.`,
    });
    expect(far).toMatchObject({ name: 'far', available: false });
    expect(tuned).toMatchObject({
      summary: 'A gate beside it. Learning rates 0.003 and 0.01. Trained with beta2 0.95. From its table; its text.',
      source: { learningRates: 'its table', 'train.beta2': 'its text' },
    });
    expect(tuned).not.toHaveProperty('parameters');
    const config = 'extends: squashed\nmodels: { Attention: null, Mine: { extends: gated, mixer: { nHeads: 2 } } }\n';
    writeFileSync(join(cwd, 'on-a-model.yaml'), config);
    const said = await mixerzoo('run', 'on-a-model.yaml', '--dry-run', '--json');
    const { runs } = JSON.parse(said) as { runs: { config: { layers: { config: object }[] } }[] };
    expect(runs[0]!.config.layers).toHaveLength(2);
    expect(runs[0]!.config.layers[1]!.config).toMatchObject({ dModel: 8, nHeads: 2 });
  });

  it('gives a preset that a config extends, and its norm and channel mixer; a changed norm is another run', async () => {
    writeFileSync(join(cwd, 'mine.yaml'), 'extends: squashed\nengine: wasm\n');
    await mixerzoo('run', 'mine.yaml');
    const [first] = await loadRuns(join(cwd, 'runs', 'mine'));
    expect(first!.result?.status).toBe('done');
    const norm = { name: 'dynamicTanh', from: 'zoo-extras', config: { dModel: 8, alpha: 0.5 } };
    const channelMixer = { name: 'gate', from: 'zoo-extras', config: { dModel: 8, gain: 2 } };
    expect(first!.config.model['norm']).toEqual(norm);
    expect(first!.config.layers[0]!.block).toEqual({ norm, channelMixer });
    expect(first!.config.code['zoo-extras']).toMatch(/^1\.0\.0 [0-9a-f]{12}$/);

    const file = join(installed, 'dynamic-tanh.js');
    writeFileSync(file, readFileSync(file, 'utf8').replace('tf.tanh(', 'tf.sigmoid('));
    const said = await mixerzoo('run', 'mine.yaml');
    expect(said).toContain('zoo-extras changed');
    const [a, b] = (await loadRuns(join(cwd, 'runs', 'mine'))).map(({ result }) => result);
    expect(a!.id).not.toBe(b!.id);
    expect(a).not.toMatchObject({ validation: (b as { validation: object }).validation });
  });

  it('gives a study that the command trains, draws and judges', async () => {
    const figure = JSON.parse(await mixerzoo('figure', 'squashed-lengths', '--engine', 'wasm', '--json'));
    expect(figure).toMatchObject({
      figure: 'squashed-lengths',
      measured: 2,
      points: 2,
      claims: [{ claim: 'It falls' }],
    });
    const directory = join(cwd, 'runs', 'squashed-lengths-quick');
    expect(readdirSync(directory)).toContain('squashed-lengths.svg');
    const { source } = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as { source: string };
    expect(source).toBe('figure squashed-lengths of zoo-extras at quick scale');
  });
});
