import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { existsSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { acquireLock } from './lock.js';

// Real functions that a test can look over the shoulder of.
vi.mock('node:fs', async (original) => {
  const actual = await original<typeof fs>();
  const { readFileSync, renameSync, rmSync } = actual;
  return { ...actual, readFileSync: vi.fn(readFileSync), renameSync: vi.fn(renameSync), rmSync: vi.fn(rmSync) };
});

const newDirectory = () => mkdtempSync(join(tmpdir(), 'mixerzoo-lock-'));

describe('acquireLock', () => {
  it('is held by one, and given back', async () => {
    const directory = newDirectory();
    const lock = await acquireLock(directory, 0);
    expect(lock).toHaveProperty('release');
    expect(await acquireLock(directory, 0)).toEqual({ heldBy: `process ${process.pid} on ${hostname()}` });
    if ('release' in lock) lock.release();
    expect(existsSync(join(directory, 'lock.json'))).toBe(false);
    expect(await acquireLock(directory, 0)).toHaveProperty('release');
  });

  it('goes to exactly one of many who want it at once', async () => {
    const directory = newDirectory();
    const locks = await Promise.all(Array.from({ length: 8 }, () => acquireLock(directory, 0)));
    expect(locks.filter((lock) => 'release' in lock)).toHaveLength(1);
  });

  it('is taken from a process that was killed', async () => {
    const directory = newDirectory();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const owner = { pid: child.pid, host: hostname(), started: null };
    writeFileSync(join(directory, 'lock.json'), JSON.stringify(owner));
    expect(await acquireLock(directory, 0)).toHaveProperty('heldBy');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await acquireLock(directory, 0)).toHaveProperty('release');
  });

  it('is taken from a process whose number another one has now', async ({ skip }) => {
    if (process.platform !== 'linux') skip('start times of processes are read from /proc');
    const directory = newDirectory();
    const owner = { pid: process.pid, host: hostname(), started: '1' };
    writeFileSync(join(directory, 'lock.json'), JSON.stringify(owner));
    expect(await acquireLock(directory, 0)).toHaveProperty('release');
  });

  it('is left alone if another process took it while it was found stale', async () => {
    const directory = newDirectory();
    const path = join(directory, 'lock.json');
    const lock = (pid: number) => JSON.stringify({ pid, host: hostname(), started: null });
    writeFileSync(path, lock(2 ** 30)); // no such process
    const { readFileSync } = await vi.importActual<typeof fs>('node:fs');
    let taken = false;
    vi.mocked(fs.readFileSync).mockImplementation((file, options) => {
      const found = readFileSync(file, options);
      if (file === path && !taken) writeFileSync(path, lock(process.ppid));
      taken ||= file === path;
      return found;
    });
    vi.mocked(fs.renameSync).mockClear();
    vi.mocked(fs.rmSync).mockClear();
    expect(await acquireLock(directory, 0)).toEqual({ heldBy: `process ${process.ppid} on ${hostname()}` });
    const moved = [...vi.mocked(fs.renameSync).mock.calls, ...vi.mocked(fs.rmSync).mock.calls].map(([file]) => file);
    expect(moved).not.toContain(path);
    expect(readdirSync(directory)).toEqual(['lock.json']);
  });

  it('is taken though a process was killed while it broke the lock', async () => {
    const directory = newDirectory();
    const path = join(directory, 'lock.json');
    writeFileSync(path, JSON.stringify({ pid: 2 ** 30, host: hostname(), started: null }));
    writeFileSync(`${path}.breaking`, '{}');
    const before = Date.now() / 1000 - 60;
    utimesSync(`${path}.breaking`, before, before);
    expect(await acquireLock(directory, 0)).toHaveProperty('release');
  });

  it('names the way out of a lock whose owner, on another machine, cannot be seen', async () => {
    const directory = newDirectory();
    const path = join(directory, 'lock.json');
    writeFileSync(path, JSON.stringify({ pid: 7, host: 'another', started: null }));
    expect(await acquireLock(directory, 0)).toEqual({
      heldBy: `process 7 on another (if it has ended, delete ${path})`,
    });
  });

  it('is taken when its file is damaged', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'lock.json'), '{"pid": 1');
    expect(await acquireLock(directory, 0)).toHaveProperty('release');
  });
});
