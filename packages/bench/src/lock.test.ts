import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquireLock } from './lock.js';

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

  it('is taken when its file is damaged', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'lock.json'), '{"pid": 1');
    expect(await acquireLock(directory, 0)).toHaveProperty('release');
  });
});
