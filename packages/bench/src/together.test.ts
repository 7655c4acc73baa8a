/** Commands that share a directory, as machines do over one file system, and a cluster that ends them. Real processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ended,
  epochsIn,
  isAlive,
  mixerzoo,
  newProject,
  ownerOf,
  runDirectories,
  start,
  until,
} from './__fixtures__/command.js';
import { TINY } from './__fixtures__/tiny-experiment.js';
import { loadRuns } from './runs/read-results.js';

const LEASE = { MIXERZOO_LEASE_SECONDS: '3' };
const SWEEP = `${TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 3, stepsPerEpoch: 10')}seeds: [0, 1, 2, 3, 4, 5]\n`;

/** What training came to, without times. */
const numbers = async (cwd: string) =>
  (await loadRuns(join(cwd, 'runs'))).map(({ config, epochs, result }) => {
    if (result?.status !== 'done') return [config.seed, result?.status];
    const losses = epochs.map(({ trainLoss, validationLoss }) => [trainLoss, validationLoss]);
    return [config.seed, result.steps, result.validation.loss, result.test.map(({ correct }) => correct), losses];
  });

interface Listed {
  readonly runs: readonly { readonly seed: number; readonly status: string }[];
}
const doneBy = (stdout: string) =>
  (JSON.parse(stdout) as Listed).runs.filter(({ status }) => status === 'done').map(({ seed }) => seed);

describe('two commands over one directory', () => {
  it('divide the runs, each of them trained once, and both end with the whole table', async () => {
    const cwd = newProject(SWEEP);
    const args = ['run', 'tiny.yaml', '--workers', '1', '--json'];
    const [a, b] = await Promise.all([ended(start(cwd, args, LEASE)), ended(start(cwd, args, LEASE))]);
    expect([a.code, b.code], a.stderr + b.stderr).toEqual([0, 0]);
    expect([...doneBy(a.stdout), ...doneBy(b.stdout)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    for (const { stdout } of [a, b]) {
      const statuses = new Set((JSON.parse(stdout) as Listed).runs.map(({ status }) => status));
      expect([...statuses].filter((status) => status !== 'done' && status !== 'skipped')).toEqual([]);
    }
    const alone = newProject(SWEEP);
    expect((await mixerzoo(alone, 'run', 'tiny.yaml', '--workers', '2')).code).toBe(0);
    expect(await numbers(cwd)).toEqual(await numbers(alone));
  }, 300_000);

  it('the one takes over what the other leaves behind, a killed command and a killed worker', async () => {
    const cwd = newProject(SWEEP.replace('epochs: 3', 'epochs: 30'));
    const dies = start(cwd, ['run', 'tiny.yaml', '--workers', '1'], LEASE);
    await until(() => runDirectories(cwd).some((directory) => epochsIn(directory) >= 2), 'it has saved epochs');
    const lives = ended(start(cwd, ['run', 'tiny.yaml', '--workers', '1', '--json'], LEASE));
    await until(() => runDirectories(cwd).length > 1, 'the other has begun a run of its own');
    dies.kill('SIGKILL');
    await until(() => runDirectories(cwd).length > 2, 'the next run is begun');
    const worker = runDirectories(cwd)
      .map(ownerOf)
      .find((pid) => pid !== undefined && isAlive(pid));
    if (worker !== undefined) process.kill(worker, 'SIGKILL');
    const { code, stderr } = await lives;
    expect(code, stderr).toBe(0);
    const alone = newProject(SWEEP.replace('epochs: 3', 'epochs: 30'));
    expect((await mixerzoo(alone, 'run', 'tiny.yaml', '--workers', '2')).code).toBe(0);
    expect(await numbers(cwd)).toEqual(await numbers(alone));
  }, 600_000);
});

describe('a command whose time is up on a cluster', () => {
  it.each(['SIGUSR1', 'SIGTERM'] as const)(
    'saves the step it is at after %s, and goes on from there',
    async (signal) => {
      const config = TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 1, stepsPerEpoch: 4000');
      const cwd = newProject(config);
      const child = start(cwd, ['run', 'tiny.yaml']);
      const ends = ended(child);
      let said = '';
      child.stdout?.on('data', (chunk) => {
        said += chunk;
      });
      await until(() => /step [1-9][\d,]*\//.test(said), 'it says that it has taken a step');
      const [directory] = runDirectories(cwd) as [string];
      child.kill(signal);
      const { code, stderr } = await ends;
      expect(code).toBe(signal === 'SIGUSR1' ? 3 : 130);
      expect(stderr).toMatch(/The same command goes on/);
      expect(readdirSync(directory)).not.toContain('.lock');
      const { sidecar } = JSON.parse(readFileSync(join(directory, 'checkpoint', 'checkpoint.json'), 'utf8'));
      expect(sidecar.partial.sums.steps).toBeGreaterThan(0);
      expect((await mixerzoo(cwd, 'run', 'tiny.yaml')).code).toBe(0);
      const whole = newProject(config);
      expect((await mixerzoo(whole, 'run', 'tiny.yaml')).code).toBe(0);
      expect(await numbers(cwd)).toEqual(await numbers(whole));
    },
    300_000,
  );
});
