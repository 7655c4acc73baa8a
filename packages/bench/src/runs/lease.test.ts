import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  acquireLease,
  createLeaseWatch,
  exclusively,
  type Lease,
  LeaseLostError,
  leaseTime,
  releaseLease,
  removeDrafts,
} from './lease.js';

// A real function that a test can look over the shoulder of.
vi.mock('node:fs', async (original) => {
  const actual = await original<typeof fs>();
  return { ...actual, rmSync: vi.fn(actual.rmSync), fsyncSync: vi.fn(actual.fsyncSync) };
});

const newDirectory = () => mkdtempSync(join(tmpdir(), 'mixerzoo-lease-'));

/** One that a test waits for, and one that the thread renews in time on a busy machine. */
const LEASE = { leaseMs: 600 };
const LONG_LEASE = { leaseMs: 10_000 };

const DEAD = 2 ** 30;

/** A lease as another process has left it; by default of a place that we cannot see. */
function leave(directory: string, owner: Readonly<Record<string, unknown>> = {}, id = 'other'): string {
  const lock = join(directory, '.lock');
  mkdirSync(lock, { recursive: true });
  const file = join(lock, `${id}.json`);
  const content = { pid: DEAD, host: hostname(), leaseMs: 600, place: 'elsewhere', started: null, ...owner };
  writeFileSync(file, JSON.stringify(content));
  return file;
}

/** What the lease file of this process says. */
async function ownContent(): Promise<Record<string, unknown>> {
  const directory = newDirectory();
  const lease = (await acquireLease(directory, LEASE)) as Lease;
  const [name] = readdirSync(join(directory, '.lock')) as [string];
  const content = JSON.parse(readFileSync(join(directory, '.lock', name), 'utf8')) as Record<string, unknown>;
  lease.release();
  return content;
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  return { result: await work(), ms: performance.now() - start };
}

describe('acquireLease', () => {
  it('is held by one, and given back with nothing left', async () => {
    const directory = newDirectory();
    const lease = await acquireLease(directory, { ...LONG_LEASE, id: 'mine' });
    expect(lease).toHaveProperty('release');
    const file = join(directory, '.lock', 'mine.json');
    expect(await acquireLease(directory, LONG_LEASE)).toEqual({
      heldBy: `process ${process.pid} on ${hostname()} (${file})`,
    });
    (lease as Lease).assertHeld();
    (lease as Lease).release();
    expect(readdirSync(directory)).toEqual([]);
    const next = await acquireLease(directory, LONG_LEASE);
    expect(next).toHaveProperty('release');
    (next as Lease).release();
  });

  it('goes to exactly one of many who want it at once', async () => {
    const directory = newDirectory();
    const leases = await Promise.all(Array.from({ length: 8 }, () => acquireLease(directory, LONG_LEASE)));
    const held = leases.filter((lease) => 'release' in lease);
    expect(held).toHaveLength(1);
    for (const lease of held) lease.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is taken at once from a process that was killed, or whose number another has now', async ({ skip }) => {
    const { place } = await ownContent();
    if (place === null) skip('this system does not tell where process numbers are its own');
    const directory = newDirectory();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    child.kill('SIGKILL');
    await once(child, 'exit');
    leave(directory, { pid: child.pid, place, leaseMs: 60_000 });
    leave(directory, { pid: process.pid, started: '1', place, leaseMs: 60_000 }, 'reused');
    const { result, ms } = await timed(() => acquireLease(directory, LEASE));
    expect(result).toHaveProperty('release');
    expect(ms).toBeLessThan(30_000);
    (result as Lease).release();
  });

  it.each([
    ['of a container of the same host name', 'elsewhere'],
    ['of a system that tells no place, as macOS and Windows', null],
  ])('leaves a renewed lease %s alone, though no process here has its number', async (_, place) => {
    const directory = newDirectory();
    const file = leave(directory, { place });
    const renewal = setInterval(() => utimesSync(file, new Date(), new Date()), 50);
    const found = await acquireLease(directory, LEASE);
    clearInterval(renewal);
    expect(found).toEqual({ heldBy: `process ${DEAD} on ${hostname()} (${file})` });
    expect(readdirSync(join(directory, '.lock'))).toEqual(['other.json']);
  });

  it.each([
    ['of the past', -1e6],
    ['of the future, of a clock that is wrong', 1e6],
  ])('is taken when it was not renewed for its time, and not before, with a date %s', async (_, seconds) => {
    const directory = newDirectory();
    const file = leave(directory);
    utimesSync(file, Date.now() / 1000 + seconds, Date.now() / 1000 + seconds);
    const waits: string[] = [];
    const onWait = (message: string) => waits.push(message);
    const { result, ms } = await timed(() => acquireLease(directory, { ...LEASE, onWait }));
    expect(result).toHaveProperty('release');
    expect(ms).toBeGreaterThanOrEqual(600);
    expect([...new Set(waits)]).toEqual([
      `${file}: held by process ${DEAD} on ${hostname()}. Waiting up to 1 s for it to be renewed.`,
    ]);
    (result as Lease).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each<[string, (lock: string) => void]>([
    ['an object without an owner', (lock) => write(join(lock, 'a.json'), '{}')],
    ['an owner without a time', (lock) => write(join(lock, 'a.json'), '{"pid":1,"host":"a","started":null}')],
    ['a lease for ever', (lock) => write(join(lock, 'a.json'), '{"pid":1,"host":"a","leaseMs":1e300}')],
    ['a file cut short', (lock) => write(join(lock, 'a.json'), '{"pid": 1')],
    ['a dangling link', (lock) => link(join(lock, 'a.json'))],
    ['a directory', (lock) => mkdirSync(join(lock, 'a.json'), { recursive: true })],
    ['a dangling link in its place', link],
    ['a file in its place', (lock) => write(lock, '{}')],
  ])('is taken from %s after the time of a lease, says what it waits for, and does not spin', async (_, damage) => {
    const directory = newDirectory();
    damage(join(directory, '.lock'));
    const waits: string[] = [];
    const cpu = process.cpuUsage();
    const { result, ms } = await timed(() =>
      acquireLease(directory, { ...LEASE, onWait: (message) => waits.push(message) }),
    );
    const { user, system } = process.cpuUsage(cpu);
    expect(result).toHaveProperty('release');
    expect(ms).toBeGreaterThanOrEqual(600);
    expect((user + system) / 1000 / ms).toBeLessThan(0.5);
    expect(new Set(waits)).toHaveLength(1);
    expect(waits[0]).toMatch(/\.lock.*: held by nobody who can be told from a damaged file/);
    (result as Lease).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is left alone if another process took it while it was found stale', async () => {
    const directory = newDirectory();
    const stale = leave(directory);
    let renewal: NodeJS.Timeout | undefined;
    const { rmSync } = await vi.importActual<typeof fs>('node:fs');
    vi.mocked(fs.rmSync).mockImplementation((path, options) => {
      if (path === stale && renewal === undefined) {
        rmSync(stale);
        const file = leave(directory, {}, 'faster');
        renewal = setInterval(() => utimesSync(file, new Date(), new Date()), 50);
      }
      rmSync(path, options);
    });
    const found = await acquireLease(directory, LEASE);
    clearInterval(renewal);
    vi.mocked(fs.rmSync).mockImplementation(rmSync);
    expect(found).toMatchObject({ heldBy: expect.stringContaining('faster.json') });
    expect(readdirSync(join(directory, '.lock'))).toEqual(['faster.json']);
  });

  it('is renewed while the main thread is busy', async () => {
    const directory = newDirectory();
    const lease = (await acquireLease(directory, { ...LEASE, id: 'busy' })) as Lease;
    const file = join(directory, '.lock', 'busy.json');
    const before = statSync(file).mtimeMs;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
    expect(statSync(file).mtimeMs).toBeGreaterThan(before + 1000);
    lease.release();
  });

  it('tells an owner that was taken over, whose release then harms nobody', async () => {
    const directory = newDirectory();
    const lease = (await acquireLease(directory, { ...LEASE, id: 'mine' })) as Lease;
    releaseLease(directory, 'mine');
    leave(directory);
    expect(() => lease.assertHeld()).toThrow(LeaseLostError);
    expect(() => lease.assertHeld()).toThrow(/expected this process to hold the lock, got taken over/);
    lease.release();
    expect(readdirSync(join(directory, '.lock'))).toEqual(['other.json']);
  });
});

describe('commitLease', () => {
  it('is the last thing an owner writes: the file is there whole, and the lease is over', async () => {
    const directory = newDirectory();
    const lease = (await acquireLease(directory, LONG_LEASE)) as Lease;
    lease.commit(join(directory, 'result.json'), 'short');
    expect(readFileSync(join(directory, 'result.json'), 'utf8')).toBe('short');
    expect(readdirSync(directory)).toEqual(['result.json']);
    expect(() => lease.assertHeld()).toThrow(LeaseLostError);
    lease.release();
    expect(readdirSync(directory)).toEqual(['result.json']);
  });

  it('writes nothing where another process has taken over, at whatever moment', async () => {
    const directory = newDirectory();
    const path = join(directory, 'result.json');
    writeFileSync(path, 'of the other');
    const lease = (await acquireLease(directory, { ...LONG_LEASE, id: 'mine' })) as Lease;
    const { fsyncSync } = await vi.importActual<typeof fs>('node:fs');
    vi.mocked(fs.fsyncSync).mockImplementationOnce((file) => {
      fsyncSync(file);
      releaseLease(directory, 'mine'); // stopped here for longer than the lease
      leave(directory);
    });
    expect(() => lease.commit(path, 'mine')).toThrow(LeaseLostError);
    expect(() => lease.commit(path, 'mine')).toThrow(LeaseLostError);
    expect(readFileSync(path, 'utf8')).toBe('of the other');
    expect(readdirSync(join(directory, '.lock'))).toEqual(['other.json']);
  });
});

describe('createLeaseWatch', () => {
  it('sees who has a lease, until it was not renewed for its time', async () => {
    const directory = newDirectory();
    const watch = createLeaseWatch();
    expect(watch.look(directory)).toBeUndefined();
    const file = leave(directory, { since: '2026-01-02T03:04:05.000Z' });
    const sight = { owner: `process ${DEAD} on ${hostname()}`, since: '2026-01-02T03:04:05.000Z' };
    expect(watch.look(directory)).toMatchObject(sight);
    for (const at of [1, 2]) {
      await sleep(400);
      utimesSync(file, at, at);
      expect(watch.look(directory), `renewed ${at} times`).toMatchObject({ ...sight, renewedMs: 1000 * at });
    }
    await sleep(700);
    expect(watch.look(directory)).toBeUndefined();
    expect(readdirSync(join(directory, '.lock'))).toEqual(['other.json']);
  });
});

describe('exclusively', () => {
  it('lets one at a time write in a directory, the next after the one before, and removes drafts first', async () => {
    const directory = newDirectory();
    const other = join(directory, 'report');
    mkdirSync(other);
    writeFileSync(join(other, `table.md.${randomUUID()}.tmp`), '');
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      expect(readdirSync(other)).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      order.push(`${name} ends`);
    };
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await Promise.all([exclusively([directory, other], work('a')), exclusively([directory, other], work('b'))]);
    expect(said.mock.calls.map(String).join('')).toMatch(/^.*: held by process \d+ .*\. Waiting .*\n$/);
    said.mockRestore();
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(readdirSync(directory)).toEqual(['report']);
    await expect(exclusively([directory], () => Promise.reject(new Error('no such luck')))).rejects.toThrow(
      'no such luck',
    );
    expect(readdirSync(directory)).toEqual(['report']);
  });
});

describe('leaseTime', () => {
  it('is that of MIXERZOO_LEASE_SECONDS, which is refused where it is none', () => {
    const at = (seconds: string) => {
      vi.stubEnv('MIXERZOO_LEASE_SECONDS', seconds);
      return leaseTime();
    };
    try {
      expect([at(''), at('120'), at('0.5')]).toEqual([30_000, 120_000, 500]);
      for (const none of ['2 minutes', '-1', '0', '601']) {
        expect(() => at(none)).toThrow(
          `MIXERZOO_LEASE_SECONDS: expected a number above 0, at most 600, got '${none}'.`,
        );
      }
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('removeDrafts', () => {
  it('removes what killed processes left half made, and nothing else', () => {
    const directory = newDirectory();
    leave(directory);
    const theirs = ['metrics.jsonl', 'notes.tmp', 'paper.123.tmp']; // a report may go beside files of the user
    for (const name of [...theirs, `metrics.jsonl.${randomUUID()}.tmp`, '.lock.123'])
      writeFileSync(join(directory, name), '');
    removeDrafts(directory);
    expect(readdirSync(directory).sort()).toEqual(['.lock', ...theirs]);
    expect(existsSync(join(directory, '.lock', 'other.json'))).toBe(true);
  });
});

function write(path: string, content: string): void {
  if (path.endsWith('.json')) mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
}

function link(path: string): void {
  if (path.endsWith('.json')) mkdirSync(join(path, '..'), { recursive: true });
  symlinkSync(join(tmpdir(), 'no-such-file'), path);
}
