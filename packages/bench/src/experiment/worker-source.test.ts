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
