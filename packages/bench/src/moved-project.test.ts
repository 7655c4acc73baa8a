/** A run of given data, used from another directory than its project's, and after the project has moved. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteTokenizer, prepareData } from '@mixerzoo/text';
import { afterAll, expect, it } from 'vitest';
import { mixerzoo } from './__fixtures__/in-process.js';
import { loadExperiment } from './experiment/experiment-source.js';
import { resolveRuns } from './experiment/resolve-runs.js';
import { discoverPlugins } from './plugins.js';
import { mendConfigs, readPlanned } from './runs/check-runs.js';
import { trainRun } from './runs/train-run.js';

const root = mkdtempSync(join(tmpdir(), 'mixerzoo-moved-'));
afterAll(() => rmSync(root, { recursive: true }));

const CONFIG = `
name: text
task: { task: text, data: ../data, seqLen: 16 }
model: { dModel: 16 }
models: { Scan: { layers: [mamba] } }
train: { batchSize: 4, epochs: 1, stepsPerEpoch: 2, validationExamples: 4, testExamples: 4 }
engine: wasm
`;
const registry = await discoverPlugins(process.cwd());
const configOf = (project: string) => join(project, 'configs', 'text.yaml');

async function planned(project: string) {
  const runs = await resolveRuns(
    await loadExperiment({ file: configOf(project), assignments: [] }, registry),
    registry,
  );
  return runs[0]!;
}

it('stays the same run, and can be evaluated, generated from and reported', async () => {
  const project = join(root, 'project');
  mkdirSync(join(project, 'configs'), { recursive: true });
  writeFileSync(join(project, 'book.txt'), 'the fern grew by the wall and fell\n'.repeat(2_000));
  writeFileSync(configOf(project), CONFIG);
  await prepareData({ files: [join(project, 'book.txt')], tokenizer: byteTokenizer(), out: join(project, 'data') });
  const run = await planned(project);
  const lease = { assertHeld() {}, commit: writeFileSync };
  await trainRun(run, join(project, 'runs', 'text', run.directoryName), {
    workers: 1,
    packages: [],
    lease,
    onProgress() {},
  });

  const moved = join(root, 'a', 'deeper', 'place');
  for (const place of [project, moved]) {
    if (place === moved) {
      mkdirSync(join(root, 'a', 'deeper'), { recursive: true });
      renameSync(project, moved);
    }
    const runs = join(place, 'runs');
    const directory = join(runs, 'text', run.directoryName);
    const again = await planned(place);
    expect(again.directoryName).toBe(run.directoryName);
    const found = await readPlanned([again], runs, (fault) => expect.unreachable(String(fault)));
    expect(found.get(again)?.result?.status).toBe('done');

    const record = join(directory, 'config.json');
    const text = readFileSync(record, 'utf8');
    expect(JSON.parse(text).task.places).toEqual({ data: '../../../data' });
    rmSync(record);
    await mendConfigs(new Map([[again, { ...found.get(again)!, config: undefined }]]), () => {});
    expect(readFileSync(record, 'utf8')).toBe(text);

    for (const command of [
      ['eval', directory, '--tasks', 'perplexity'],
      ['generate', directory, '--max-tokens', '2'],
      ['generate', directory, '--max-tokens', '2', '--config', configOf(place)],
    ]) {
      const { code, stderr } = await mixerzoo(...command, '--engine', 'wasm');
      expect(code, stderr).toBe(0);
    }
    expect((await mixerzoo('report', join(runs, 'text'))).code).toBe(0);
    expect(existsSync(join(runs, 'text', 'report.html'))).toBe(true);
  }
}, 120_000);
