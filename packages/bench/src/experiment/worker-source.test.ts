import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { TINY } from '../__fixtures__/tiny-experiment.js';
import { discoverPlugins } from '../plugins.js';
import { loadExperiment } from './experiment-source.js';
import { resolveRuns } from './resolve-runs.js';
import { findRun, workerSource } from './worker-source.js';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'mixerzoo-worker-source-')));
afterAll(() => rmSync(directory, { recursive: true }));

it('gives a worker the run of a config of data, by the same id, though its file is gone', async () => {
  const registry = await discoverPlugins(process.cwd());
  writeFileSync(join(directory, 'tiny.yaml'), TINY);
  symlinkSync(join(directory, 'tiny.yaml'), join(directory, 'linked.yaml'));
  const source = { file: join(directory, 'linked.yaml'), assignments: ['seeds=[3]'] };
  const loaded = await loadExperiment(source, registry);
  const [run] = await resolveRuns(loaded, registry);
  const sent = JSON.parse(JSON.stringify(await workerSource(source, loaded))) as Parameters<typeof findRun>[0];
  for (const name of ['linked.yaml', 'tiny.yaml']) {
    expect((await findRun(sent, run!.directoryName, registry)).config).toEqual(run!.config);
    rmSync(join(directory, name));
  }
  expect((await findRun(sent, run!.directoryName, registry)).config).toEqual(run!.config);
});

it('says so where a file that a config with functions extends was edited meanwhile', async () => {
  const registry = await discoverPlugins(process.cwd());
  const base = join(directory, 'base.mjs');
  const config = (epochs: number) => `
    const mine = Object.freeze({ specVersion: 1, name: 'mine', config: { dModel: 16 }, apply() {}, step() {}, flops: () => 1,
      stateSize: () => 1, initState: () => ({}), init: () => ({}) });
    export default { task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 }, model: { dModel: 16 },
      models: { Mine: { layers: [mine] } }, train: { epochs: ${epochs} } };`;
  writeFileSync(base, config(2));
  writeFileSync(join(directory, 'top.yaml'), 'extends: ./base.mjs\n');
  const source = { file: join(directory, 'top.yaml'), assignments: [] };
  const loaded = await loadExperiment(source, registry);
  const [run] = await resolveRuns(loaded, registry);
  const sent = JSON.parse(JSON.stringify(await workerSource(source, loaded))) as Parameters<typeof findRun>[0];
  expect((await findRun(sent, run!.directoryName, registry)).config).toEqual(run!.config);
  writeFileSync(base, config(3));
  await expect(findRun(sent, run!.directoryName, registry)).rejects.toThrow(
    /top\.yaml: expected the config to stay as it was when the command began, got an edited one/,
  );
});
