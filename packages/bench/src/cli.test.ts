/** The command as users run it: real processes, real (tiny) training, on the embedded engine. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CLI,
  ended,
  epochsIn,
  isAlive,
  mixerzoo,
  NODE_FLAGS,
  newProject,
  ownerOf,
  runDirectories,
  start,
  until,
} from './__fixtures__/command.js';
import { TINY } from './__fixtures__/tiny-experiment.js';
import { loadRuns } from './runs/read-results.js';
import type { RunDone, RunRecord } from './runs/results.js';
import { WORKER_ARGUMENT } from './runs/worker-argument.js';

/** The numbers of a run that do not depend on the clock. */
async function numbers(cwd: string) {
  const [run] = await loadRuns(join(cwd, 'runs'));
  const { validation, test, steps } = (run as RunRecord).result as RunDone;
  const curve = run?.epochs.map(({ step, trainLoss, validationLoss }) => [step, trainLoss, validationLoss]);
  const points = run?.steps.map(({ step, loss }) => [step, loss]);
  return { validation, test, steps, curve, points };
}

describe('mixerzoo list', () => {
  it('does not mind a reader that closes the pipe', async () => {
    const child = start(newProject(), ['list', 'mixers']);
    child.stdout?.destroy();
    expect(await ended(child)).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('mixerzoo run', () => {
  it('trains, records, reports; a second time it skips what is done', async () => {
    const cwd = newProject();
    const first = await mixerzoo(cwd, 'run', 'tiny.yaml');
    expect(first.stderr).toBe('');
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/\[1\/1\] One: validation .* after 10 steps/);
    const [run] = await loadRuns(join(cwd, 'runs'));
    expect(run?.result?.status).toBe('done');
    const result = run?.result as RunDone;
    expect(result.test.map(({ seqLen, total }) => [seqLen, total])).toEqual([
      [16, 64],
      [32, 128],
    ]);
    expect(result.cost.parameters).toBeGreaterThan(32 * 16);
    expect(run?.epochs.map((epoch) => epoch.step)).toEqual([5, 10]);
    expect(run?.steps.map((record) => record.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(run?.environment).toMatchObject({
      engine: { name: 'wasm' },
      seed: 0,
      versions: { node: process.versions.node },
    });
    expect(existsSync(join(run?.directory as string, '.lock'))).toBe(false);

    const again = await mixerzoo(cwd, 'run', 'tiny.yaml', '--json');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout).runs).toMatchObject([
      { label: 'One', status: 'skipped', result: { finishedAt: result.finishedAt } },
    ]);

    // Done under other words: the report has those of now.
    await mixerzoo(cwd, 'run', 'tiny.yaml', '--set', 'description=Others');
    const page = readFileSync(join(cwd, 'runs', 'tiny', 'table.md'), 'utf8');
    expect(page.match(/Budget of every model/g)).toHaveLength(1);
    expect(page).toContain('Others. Task: mqar');

    // A worker that waited for the lock of a run finds it done.
    const worker = fork(CLI, [WORKER_ARGUMENT], { cwd, execArgv: NODE_FLAGS });
    const source = { file: join(cwd, 'tiny.yaml'), assignments: [] };
    const directoryName = basename(run?.directory as string);
    worker.send({ source, cwd, out: join(cwd, 'runs'), directoryName, leaseId: 'test', workers: 1 });
    const [message] = (await once(worker, 'message')) as [{ kind: string; result: RunDone }];
    expect(message).toMatchObject({ kind: 'done', result: { finishedAt: result.finishedAt } });
  });

  it('gives a run that has the machine to itself all cores, or as many threads as it is told', async () => {
    const threads = async (env: NodeJS.ProcessEnv) => {
      const cwd = newProject(TINY.replace('epochs: 2', 'epochs: 1'));
      expect((await ended(start(cwd, ['run', 'tiny.yaml'], env))).code).toBe(0);
      const [run] = await loadRuns(join(cwd, 'runs'));
      return run?.environment?.engine.details['threads'];
    };
    const cores = Math.min(8, availableParallelism());
    expect(await threads({ MIXERZOO_THREADS: '' })).toBe(cores);
    expect(await threads({ MIXERZOO_THREADS: String(cores + 1) })).toBe(cores + 1);
  });

  it('resumes bit for bit after kill -9 of the command and of a worker', async () => {
    const config = TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 30, stepsPerEpoch: 40');
    const whole = newProject(config);
    const uninterrupted = mixerzoo(whole, 'run', 'tiny.yaml');

    const cwd = newProject(config);
    const parent = start(cwd, ['run', 'tiny.yaml']);
    await until(() => runDirectories(cwd).some((directory) => epochsIn(directory) >= 1), 'the first epoch is saved');
    const [directory] = runDirectories(cwd) as [string];
    const worker = ownerOf(directory) as number;
    parent.kill('SIGKILL');
    await until(() => !isAlive(worker), 'the worker ends with its parent');
    const before = epochsIn(directory);
    expect(before).toBeLessThan(30);
    expect(existsSync(join(directory, 'result.json'))).toBe(false);

    const second = mixerzoo(cwd, 'run', 'tiny.yaml');
    const owner = () => ownerOf(directory) ?? worker;
    await until(() => owner() !== worker && epochsIn(directory) > before, 'the second command has added an epoch');
    process.kill(owner(), 'SIGKILL');
    const { code, stdout } = await second;
    expect(code).toBe(0);
    expect(stdout).toMatch(/One: worker: expected a result, got signal SIGKILL .* It is started again\./);
    expect((await uninterrupted).code).toBe(0);
    expect(await numbers(cwd)).toEqual(await numbers(whole));
  }, 300_000);

  it('stops at Ctrl-C with code 130 and goes on later', async () => {
    const cwd = newProject(TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 500, stepsPerEpoch: 5'));
    const child = start(cwd, ['run', 'tiny.yaml']);
    await until(() => runDirectories(cwd).some((directory) => epochsIn(directory) >= 1), 'the first epoch is saved');
    // A terminal sends it to every process; a worker that ended first would look like one that failed.
    const [directory] = runDirectories(cwd) as [string];
    const worker = ownerOf(directory) as number;
    process.kill(worker, 'SIGINT');
    const before = epochsIn(directory);
    await until(() => epochsIn(directory) > before, 'the worker has added an epoch');
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(130);
    const [run] = await loadRuns(join(cwd, 'runs'));
    expect(run?.result).toBeUndefined();
    const shorter = await mixerzoo(cwd, 'run', 'tiny.yaml', '--dry-run', '--json');
    expect(JSON.parse(shorter.stdout).runs).toMatchObject([{ status: 'to do' }]);
  });

  it('keeps a run that diverges from the others, and names its step and learning rate', async () => {
    const cwd = newProject(`${TINY}learningRates: [1e6, 1e-2]\n`);
    const { code, stdout } = await mixerzoo(cwd, 'run', 'tiny.yaml', '--workers', '1');
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /One, lr 1000000 failed: .*(loss|gradient).* at step \d+ \(epoch 1, learning rate .*Lower the learning rate/,
    );
    const runs = await loadRuns(join(cwd, 'runs'));
    expect(runs.map(({ config, result }) => [config.learningRate, result?.status])).toEqual([
      [1e-2, 'done'],
      [1e6, 'failed'],
    ]);
  });

  it('names a corrupt checkpoint and loses nothing', async () => {
    const cwd = newProject();
    await mixerzoo(cwd, 'run', 'tiny.yaml');
    const [directory] = runDirectories(cwd) as [string];
    const tensors = join(directory, 'checkpoint', 'model.safetensors');
    const metrics = readFileSync(join(directory, 'metrics.jsonl'), 'utf8');
    rmSync(join(directory, 'result.json'));
    truncateSync(tensors, 1000);
    const { code, stdout } = await mixerzoo(cwd, 'run', 'tiny.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(/One failed: .*checkpoint.*model\.safetensors/);
    expect(readFileSync(tensors)).toHaveLength(1000);
    expect(readFileSync(join(directory, 'metrics.jsonl'), 'utf8')).toBe(metrics);
  });
});

describe('mixerzoo run of a task that is tested free-running', () => {
  it('records and reports what the model answers on its own', async () => {
    const task = 'task: { task: selectiveCopy, seqLen: 16, numSignals: 4, signalVocabSize: 4 }';
    const cwd = newProject(`${TINY.replace(/task: .*/, task)}freeRunning: true\n`);
    const { code, stdout } = await mixerzoo(cwd, 'run', 'tiny.yaml');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Free-running.*Free-running exact match/);
    const [run] = await loadRuns(join(cwd, 'runs'));
    const { test } = (run as RunRecord).result as RunDone;
    expect(test.map(({ freeRunning }) => freeRunning?.total)).toEqual([64, 64]);
    expect(test[0]?.freeRunning?.perPosition).toHaveLength(4);
  });
});

describe('mixerzoo run on an engine that is not there', () => {
  it('says how to get it', async ({ skip }) => {
    const cwd = newProject();
    const { engines } = JSON.parse((await mixerzoo(cwd, 'doctor', '--json')).stdout) as {
      engines: { name: string; available: boolean }[];
    };
    const missing = engines.find((engine) => !engine.available);
    if (!missing) skip('every engine is there');
    const { code, stdout } = await mixerzoo(cwd, 'run', 'tiny.yaml', '--engine', (missing as { name: string }).name);
    expect(code).toBe(1);
    expect(stdout).toMatch(/One failed: \w+ engine: expected .* got .*(Install|Run|Use|use)\b/);
  });
});

describe('mixerzoo run with a sweep', () => {
  it('leaves out learning rates that are not needed, and stops when its minutes are spent', {
    timeout: 120_000,
  }, async () => {
    const sweep = 'learningRates: [0.01, 0.001]\nsweep: { dims: [8, 16], enoughAt: 0.001 }\n';
    const cwd = newProject(`${TINY}${sweep}`);
    const stopped = await mixerzoo(cwd, 'run', 'tiny.yaml', '--max-minutes', '0.0001');
    expect(stopped.code).toBe(3);
    expect(stopped.stderr).toMatch(/4 runs: 0 finished, .*begun\. The same command goes on/);
    const ended = await mixerzoo(cwd, 'run', 'tiny.yaml', '--workers', '2', '--json');
    expect(ended.code).toBe(0);
    const statuses = (JSON.parse(ended.stdout) as { runs: { status: string }[] }).runs.map(({ status }) => status);
    expect(statuses).toEqual(['done', 'done', 'unneeded', 'unneeded']);
    expect(
      runDirectories(cwd)
        .map((path) => /-d\d+-lr[\d.]+/.exec(path)?.[0])
        .sort(),
    ).toEqual(['-d16-lr0.01', '-d8-lr0.01']);
  });
});
