import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { TINY } from '../__fixtures__/tiny-experiment.js';
import { writeRun } from '../__fixtures__/write-run.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { type PlannedRun, resolveRuns, runDirectory } from '../experiment/resolve-runs.js';
import { discoverPlugins } from '../plugins.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { encodeRecord, RESULT } from '../runs/records.js';
import type { RunDone } from '../runs/results.js';
import { RUN_FORMAT } from '../runs/run-config.js';
import { writePlan } from './plan.js';
import { type RunStatus, readStatus } from './status.js';

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'mixerzoo-status-'));
});
afterEach(() => rmSync(out, { recursive: true }));

const raise = (fault: Error) => {
  throw fault;
};

async function plan(text: string): Promise<PlannedRun[]> {
  const file = join(out, 'tiny.yaml');
  writeFileSync(file, text);
  const registry = await discoverPlugins(process.cwd());
  const runs = await resolveRuns(await loadExperiment({ file, assignments: [] }, registry), registry);
  mkdirSync(join(out, 'tiny'), { recursive: true });
  await writePlan(join(out, 'tiny'), out, runs, 'run tiny.yaml');
  return runs;
}

/** A run as `sampleRun` has it, under the config of a planned one. */
async function begin({ config, ...planned }: PlannedRun, how: 'done' | 'partial', accuracy = 0.5): Promise<void> {
  const { result, epochs, ...sample } = sampleRun();
  const whole = result as RunDone;
  const validation = { ...whole.validation, accuracy };
  const done = { ...whole, id: config.id, validation, totalSeconds: 10 };
  const curves = epochs.map((epoch, index) => ({
    ...epoch,
    epoch: index + 1,
    step: 5 * (index + 1),
    validationAccuracy: accuracy,
  }));
  await writeRun(runDirectory(out, { config, ...planned }), {
    ...sample,
    config,
    steps: [],
    epochs: how === 'done' ? curves.slice(0, 2) : curves.slice(0, 1),
    result: how === 'done' ? done : undefined,
  });
}

/** A lease of another machine, renewed `secondsAgo`. */
function hold(run: PlannedRun, secondsAgo: number): void {
  const lock = join(runDirectory(out, run), '.lock');
  mkdirSync(lock, { recursive: true });
  const file = join(lock, 'other.json');
  writeFileSync(
    file,
    JSON.stringify({
      pid: 7,
      host: 'node-1',
      since: '2026-01-02T03:04:05.000Z',
      leaseMs: 30_000,
      place: 'elsewhere',
      started: null,
    }),
  );
  const at = Date.now() / 1000 - secondsAgo;
  utimesSync(file, at, at);
}

it('tells done, running, left behind, failed and to come, and how long the rest takes', async () => {
  const runs = await plan(`${TINY}seeds: [0, 1, 2, 3, 4]\n`);
  await begin(runs[0]!, 'done');
  await begin(runs[1]!, 'partial');
  hold(runs[1]!, 4);
  await begin(runs[2]!, 'partial');
  await begin(runs[3]!, 'partial');
  const { id } = runs[3]!.config;
  const failed = {
    format: RUN_FORMAT,
    id,
    status: 'failed',
    finishedAt: '2026-01-02T03:04:05.000Z',
    code: 'numerical',
    message: 'loss is NaN',
    epochs: 1,
    steps: 5,
  } as const;
  writeFileSync(join(runDirectory(out, runs[3]!), 'result.json'), encodeRecord(RESULT, id, failed));
  const [status] = await readStatus(out, raise);
  expect(status!.runs.map(({ state }) => state)).toEqual(['done', 'running', 'waiting', 'failed', 'waiting']);
  const running = status!.runs[1] as Extract<RunStatus, { state: 'running' }>;
  expect(running).toMatchObject({
    owner: 'process 7 on node-1',
    since: '2026-01-02T03:04:05.000Z',
    step: 5,
    steps: 10,
  });
  expect(running.heartbeatSeconds).toBeGreaterThanOrEqual(4);
  expect(running.heartbeatSeconds).toBeLessThan(20);
  expect(status!.secondsLeft).toBeCloseTo(20, 5); // half of 10 s, half of 10 s, all of 10 s
  const { code, stdout } = await mixerzoo('status', out);
  expect(code).toBe(1);
  expect(stdout).toMatch(/\(mixerzoo run tiny\.yaml\): 1 done, 1 running, 2 waiting, 1 failed; about 20 s left/);
  expect(stdout).toMatch(
    /running: One, seed 1, step 5 of 10, by process 7 on node-1 since 2026-01-02T03:04:05\.000Z, last heard of [\d.]+ s ago/,
  );
  expect(stdout).toMatch(/left behind: One, seed 2, step 5 of 10/);
  expect(stdout).toMatch(/failed: One, seed 3: loss is NaN/);
});

it('does not wait for what is no more needed', async () => {
  const runs = await plan(`${TINY}learningRates: [0.03, 0.003]\nsweep: { enoughAt: 0.9 }\n`);
  await begin(runs[0]!, 'done', 0.95);
  const [status] = await readStatus(join(out, 'tiny'), raise);
  expect(status!.runs.map(({ state }) => state)).toEqual(['done', 'unneeded']);
});

it('does not wait for what a search has left out', async () => {
  const runs = await plan(`${TINY}learningRates: [0.03, 0.003]\nseeds: [0, 1]\nsearch: { rungs: [1] }\n`);
  const at = (learningRate: number, seed: number) =>
    runs.find(({ config }) => config.learningRate === learningRate && config.seed === seed)!;
  await begin(at(0.03, 0), 'partial', 0.2);
  await begin(at(0.003, 0), 'done', 0.9);
  const [status] = await readStatus(out, raise);
  const stateOf = (run: PlannedRun) => status!.runs[runs.indexOf(run)]!.state;
  expect([at(0.003, 0), at(0.03, 0), at(0.003, 1), at(0.03, 1)].map(stateOf)).toEqual([
    'done',
    'unneeded',
    'waiting',
    'unneeded',
  ]);
});

it('says where there is no plan', async () => {
  const { code, stderr } = await mixerzoo('status', out);
  expect(code).toBe(2);
  expect(stderr).toMatch(/expected a plan of runs \(plan\.json\) here or one level below, got none/);
  expect(existsSync(join(out, 'plan.json'))).toBe(false);
});
