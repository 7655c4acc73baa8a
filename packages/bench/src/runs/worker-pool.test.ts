/** Workers that serve one order after the other, with processes that train nothing; those that do are in `search-workers.test.ts`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { startWorker, type WorkerOptions } from './start-worker.js';
import { createWorkerPool, type WorkerPool } from './worker-pool.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-pool-'));
afterAll(() => rmSync(directory, { recursive: true }));

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

const poolOf = (most: number) =>
  createWorkerPool(most, most, () => {
    const child = fork(join(import.meta.dirname, '__fixtures__/hand-worker.mjs'), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    started.push(child);
    return child;
  });

/** Gives an order; `what` says what comes of it. @returns that, and the number of the process. */
async function order(pool: WorkerPool, model: string, what: string, more: Partial<WorkerOptions> = {}) {
  const notes: string[] = [];
  const last = await startWorker({ directoryName: what, config: { experiment: 'e', id: 'i' } } as PlannedRun, {
    pool,
    model,
    source: { assignments: [] },
    cwd: '.',
    out: directory,
    onProgress: () => {},
    onNote: (note) => notes.push(note),
    ...more,
  });
  return { last, pid: Number(notes[0]), notes };
}

const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
const pids = () => started.map(({ pid }) => pid);

describe('a worker that has come to rest', () => {
  it('takes the next order of its model, and ends with one that does not rest', async () => {
    const pool = poolOf(2);
    for (let n = 0; n < 3; n++)
      expect(await order(pool, 'A', 'rest')).toMatchObject({ last: { kind: 'resting' }, pid: pids()[0] });
    expect(pool.hasAtRest('A')).toBe(true);
    const failed = { kind: 'failed', code: 'unknown', message: 'no' };
    expect(await order(pool, 'A', 'fail')).toMatchObject({ last: failed, pid: pids()[0] });
    expect(pool.hasAtRest('A')).toBe(false);
    expect(isOver(started[0]!)).toBe(true);
    expect((await order(pool, 'A', 'rest')).pid).toBe(pids()[1]);
    expect(started).toHaveLength(2);
  });

  it('gives way to another model where there would be more processes than workers, the longest at rest first', async () => {
    const pool = poolOf(2);
    await order(pool, 'A', 'rest');
    await order(pool, 'B', 'rest');
    expect(started.map(isOver)).toEqual([false, false]);
    const closed = once(started[0]!, 'close');
    await order(pool, 'C', 'rest');
    await closed;
    expect(['A', 'B', 'C'].map(pool.hasAtRest)).toEqual([false, true, true]);
    await pool.endAtRest('B');
    expect(started.map(isOver)).toEqual([true, true, false]);
    await pool.endAtRest();
    expect(started.map(isOver)).toEqual([true, true, true]);
  });

  it('is replaced where it died meanwhile, whether that was noticed or not', async () => {
    const pool = poolOf(1);
    await order(pool, 'A', 'rest');
    const closed = once(started[0]!, 'close');
    started[0]!.kill('SIGKILL');
    await closed;
    expect(pool.hasAtRest('A')).toBe(false);
    expect(await order(pool, 'A', 'rest')).toMatchObject({ last: { kind: 'resting' }, pid: pids()[1] });
    started[1]!.kill('SIGKILL');
    expect(pool.hasAtRest('A')).toBe(true);
    const again = await order(pool, 'A', 'rest');
    expect(again).toMatchObject({ last: { kind: 'resting' }, pid: pids()[2] });
    expect(again.notes).toHaveLength(1);
    await pool.endAtRest();
  });

  it('dies of an order of its own as any other, with the words of that order alone', async () => {
    const pool = poolOf(1);
    await order(pool, 'A', 'rest');
    const { last } = await order(pool, 'A', 'complain');
    expect(last).toEqual({
      kind: 'failed',
      code: 'unknown',
      message: 'worker: expected a result, got exit code 7:\na complaint The same command goes on from its last epoch.',
    });
    expect(started).toHaveLength(1);
  });

  it('is killed, or told to rest, at the order that it serves then', async () => {
    const pool = poolOf(1);
    const [first, second] = [new AbortController(), new AbortController()];
    await order(pool, 'A', 'rest', { signal: first.signal, rest: second.signal });
    first.abort();
    second.abort(); // of an order that is over
    const rest = new AbortController();
    const atRest = order(pool, 'A', 'nothing', { rest: rest.signal, onNote: () => rest.abort() });
    expect((await atRest).last).toEqual({ kind: 'resting' });
    const kill = new AbortController();
    const killed = order(pool, 'A', 'nothing', { signal: kill.signal, onNote: () => kill.abort() });
    expect((await killed).last).toMatchObject({ kind: 'died' });
    expect(started).toHaveLength(1);
  });

  it('is watched for silence from order to order', async () => {
    const pool = poolOf(1);
    await order(pool, 'A', 'rest');
    const { last } = await order(pool, 'A', 'nothing', { stallMinutes: 0.005 });
    expect(last).toMatchObject({ kind: 'failed', code: 'stalled' });
    expect(started).toHaveLength(1);
    expect(isOver(started[0]!)).toBe(true);
  });
});
