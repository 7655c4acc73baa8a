import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { COMMAND, run } from '../__fixtures__/command.js';
import { TINY } from '../__fixtures__/tiny-experiment.js';
import { writeRun } from '../__fixtures__/write-run.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns, runDirectory } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';

const RUNS = 300;

it('reads more runs than a process may have files open', async ({ skip }) => {
  if (process.platform === 'win32') skip('Windows has no ulimit');
  const cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-many-'));
  try {
    const file = join(cwd, 'tiny.yaml');
    writeFileSync(file, `${TINY}seeds: [${Array.from({ length: RUNS }, (_, seed) => seed).join(', ')}]\n`);
    const registry = await discoverPlugins(cwd);
    const runs = await resolveRuns(await loadExperiment({ file, assignments: [] }, registry), registry);
    for (const { config, ...planned } of runs) {
      const { result, steps, ...sample } = sampleRun();
      const done = { ...sample, steps: [], config, result: { ...result!, id: config.id } };
      await writeRun(runDirectory(join(cwd, 'runs'), { config, ...planned }), done);
    }
    const limited = (...args: string[]) =>
      run('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', process.execPath, ...COMMAND, ...args], cwd);
    const plan = await limited('run', 'tiny.yaml', '--dry-run', '--json');
    expect([plan.code, plan.stderr]).toEqual([0, '']);
    const statuses = (JSON.parse(plan.stdout) as { runs: { status: string }[] }).runs.map(({ status }) => status);
    expect(statuses).toEqual(Array(RUNS).fill('done'));
    const exported = await limited('export', 'tensorboard', 'runs', '--json');
    expect([exported.code, exported.stderr]).toEqual([0, '']);
    expect((JSON.parse(exported.stdout) as { files: string[] }).files).toHaveLength(RUNS);
    const skipped = await limited('run', 'tiny.yaml', '--json');
    expect(skipped.code).toBe(0);
    expect(skipped.stdout.match(/"status": "skipped"/g)).toHaveLength(RUNS);
  } finally {
    rmSync(cwd, { recursive: true });
  }
}, 600_000);
