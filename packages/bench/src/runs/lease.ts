/**
 * One process per run directory. The lock is a file that names its owner; an owner that is gone (killed, or its pid
 * taken over by another process) has left a stale lock, which is broken.
 */
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Start of the process in clock ticks since boot, where the system tells (Linux): tells a reused pid. */
  readonly started: string | null;
}

/** A lock in hand, or who has it. */
export type Lock = { readonly release: () => void } | { readonly heldBy: string };

/** Takes the lock of a directory, waiting up to `patienceMs` for an owner that may be about to end. */
export async function acquireLock(directory: string, patienceMs = 5000): Promise<Lock> {
  const path = join(directory, 'lock.json');
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), started: startTime(process.pid) } satisfies Owner);
  const deadline = Date.now() + patienceMs;
  for (;;) {
    if (createWhole(path, mine)) return { release: () => rmSync(path, { force: true }) };
    const text = readIfThere(path);
    if (text === undefined) continue;
    const owner = parseOwner(text);
    if (!owner || !isAlive(owner)) {
      if (!breakLock(path, text, mine)) await sleep(20);
    } else if (Date.now() >= deadline) return { heldBy: describeOwner(owner, path) };
    else await sleep(100);
  }
}

/** Creates a file with its whole content in one step; false if there is one. */
function createWhole(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A process that breaks a lock holds this one no longer than that, unless it was killed at it. */
const BREAKING_MS = 10_000;

/**
 * Removes a stale lock; false if another process is at it. One process at a time, and only what it still finds stale: a
 * lock that somebody has taken in the meantime is never touched, not even for a moment.
 */
function breakLock(path: string, stale: string, mine: string): boolean {
  const breaking = `${path}.breaking`;
  if (!createWhole(breaking, mine)) {
    if (Date.now() - modifiedAt(breaking) > BREAKING_MS) rmSync(breaking, { force: true });
    return false;
  }
  try {
    if (readIfThere(path) === stale) rmSync(path, { force: true });
    return true;
  } finally {
    rmSync(breaking, { force: true });
  }
}

/** Milliseconds since 1970; now for a file that is gone. */
function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** We cannot see whether a process of another machine, or of a container that is gone, has ended: its user can. */
function describeOwner({ pid, host }: Owner, path: string): string {
  return `process ${pid} on ${host}${host === hostname() ? '' : ` (if it has ended, delete ${path})`}`;
}

function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return true; // a shared disk: the other machine knows
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner.started === null || startTime(owner.pid) === owner.started;
}

function startTime(pid: number): string | null {
  try {
    // Field 22 of /proc/<pid>/stat; the second field may hold spaces, so count from the closing parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
