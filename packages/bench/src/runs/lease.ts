/**
 * One process per directory, by a lease: the directory `.lock` in it holds one file, named by its owner's random id, that
 * the owner renews every few seconds. A lease that an observer has seen unchanged for its time, by the observer's own
 * clock, has ended; clocks are never compared, so the processes may be on several machines, or in containers of one name.
 * A process that is seen to be dead ends its lease at once.
 *
 * Every step is one that the file system does wholly or not at all, and none can hit another owner's lease: taking it is
 * renaming a directory made beforehand onto `.lock`, which fails unless that is absent or empty; ending it is unlinking
 * the one file, whose name nobody else has. An owner that was stopped meanwhile finds its file gone and writes no more; a
 * result becomes one by renaming that very file, so that there is no moment between the look and the writing.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import { CheckpointError } from '@mixerzoo/core/errors';
import { print } from '../terminal.js';
import { orderGuard } from './guard-thread.js';
import { isDraft } from './replace-file.js';

/** What the file says. Process and host are for people; whose it is, its name says. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  /** How long the lease lasts without being renewed. */
  readonly leaseMs: number;
  /** Where `pid` and `started` mean something; null where the system does not tell (all but Linux). */
  readonly place: string | null;
  /** Start of the process in clock ticks since boot: tells a number that another process has now. */
  readonly started: string | null;
}

/** A lease in hand. */
export interface Lease {
  /** @throws LeaseLostError if another process has taken over: this one was stopped, or cut off, for too long. */
  assertHeld(): void;
  /** As {@link commitLease} of this lease. */
  commit(path: string, content: string): void;
  release(): void;
}

export interface LeaseOptions {
  /** Of the owner to be, unique; by it another process can {@link releaseLease}. */
  readonly id?: string;
  /** How long the lease lasts without being renewed; it is renewed ten times as often. Default: {@link leaseTime}. */
  readonly leaseMs?: number;
  /** Told what is waited for, at every look, while it is not known whether the owner still renews. */
  readonly onWait?: (message: string) => void;
}

/** Another process took over the directory. */
export class LeaseLostError extends CheckpointError {
  constructor(directory: string) {
    super(
      `${directory}: expected this process to hold the lock, got taken over by another: this one did not renew it for too long. What the other writes is not overwritten.`,
    );
  }
}

/** A file that asks for more is damaged: nobody wants to wait for its end. */
const LONGEST_LEASE_MS = 600_000;
const USUAL_LEASE_MS = 30_000;
const RENEWALS = 10;

const LOCK = '.lock';

/** Takes the lease of a directory, or says who has it, as soon as its owner is seen to renew it. */
export async function acquireLease(
  directory: string,
  { id = randomUUID(), leaseMs = leaseTime(), onWait }: LeaseOptions = {},
): Promise<Lease | { readonly heldBy: string }> {
  const lock = join(directory, LOCK);
  const file = join(lock, fileName(id));
  const place = placeOfProcess();
  const mine: Owner = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    leaseMs,
    place,
    started: startTime(process.pid),
  };
  const first = new Map<string, { readonly state: string; readonly at: number }>();
  for (;;) {
    const found = lookAt(lock);
    // False where somebody was faster, who will be seen.
    if (found.length === 0 && take(lock, id, `${JSON.stringify(mine, null, 2)}\n`)) {
      orderGuard({ kind: 'renew', file, everyMs: leaseMs / RENEWALS });
      return {
        assertHeld() {
          if (!isThere(file)) throw new LeaseLostError(directory);
        },
        commit(path, content) {
          commitLease(directory, id, path, content);
          orderGuard({ kind: 'rest', file });
        },
        release() {
          orderGuard({ kind: 'rest', file });
          releaseLease(directory, id);
        },
      };
    }
    const now = performance.now();
    for (const { path, state, owner } of found) {
      const before = first.get(path);
      if (before === undefined) first.set(path, { state, at: now });
      else if (before.state !== state) return { heldBy: `${describeOwner(owner)} (${path})` };
      const unchangedMs = now - (before?.at ?? now);
      if (unchangedMs >= (owner?.leaseMs ?? leaseMs) || isDead(owner, place)) end(path, lock);
      else if (unchangedMs > 0) {
        const seconds = Math.ceil((owner?.leaseMs ?? leaseMs) / 1000);
        onWait?.(`${path}: held by ${describeOwner(owner)}. Waiting up to ${seconds} s for it to be renewed.`);
      }
    }
    await sleep(Math.min(250, leaseMs / RENEWALS));
  }
}

/** What there is to see of a lease without wanting it. */
export interface LeaseSight {
  /** `process 12 on a-host`. */
  readonly owner: string;
  /** ISO 8601, by the owner's clock; undefined of a damaged file. */
  readonly since: string | undefined;
  /** When it was last renewed, in ms since 1970 by the clock of the file system. */
  readonly renewedMs: number;
}

/** Looks at leases again and again, and so tells those that go on from those that are over. */
export interface LeaseWatch {
  /** The lease of a directory; undefined where there is none, or one that is over. */
  look(directory: string): LeaseSight | undefined;
}

/** A lease that it has seen for the first time is one that goes on, unless its owner is seen to be dead. */
export function createLeaseWatch(): LeaseWatch {
  const place = placeOfProcess();
  const first = new Map<string, { readonly state: string; readonly at: number }>();
  return {
    look(directory) {
      for (const { path, state, owner, renewedMs } of lookAt(join(directory, LOCK))) {
        const now = performance.now();
        const before = first.get(path);
        if (before?.state !== state) first.set(path, { state, at: now });
        const unchangedMs = before?.state === state ? now - before.at : 0;
        if (unchangedMs >= (owner?.leaseMs ?? leaseTime()) || isDead(owner, place)) continue;
        return { owner: describeOwner(owner), since: owner?.since, renewedMs };
      }
      return undefined;
    },
  };
}

/**
 * Does what no two processes may do at once in a directory, after whoever does it now, of whom standard error tells once; what a
 * killed one has left half made is removed first.
 * @param directories the first is the one of the lease.
 * @throws CheckpointError if another process keeps the directory for ten minutes.
 */
export async function exclusively<T>(directories: readonly [string, ...string[]], work: () => Promise<T>): Promise<T> {
  const [directory] = directories;
  const end = performance.now() + LONGEST_LEASE_MS;
  let told = false;
  const onWait = (message: string) => {
    if (!told) print(message, process.stderr);
    told = true;
  };
  for (;;) {
    const lease = await acquireLease(directory, { onWait });
    if ('release' in lease) {
      try {
        for (const each of directories) removeDrafts(each);
        return await work();
      } finally {
        lease.release();
      }
    }
    if (performance.now() > end) {
      throw new CheckpointError(
        `${directory}: expected to write here, got it locked by ${lease.heldBy}. End that first.`,
      );
    }
    onWait(`${directory}: held by ${lease.heldBy}. Waiting for its end.`);
  }
}

/** Ends the lease of an owner, by its owner or by who knows that it has ended. Another owner's is never touched. */
export function releaseLease(directory: string, id: string): void {
  const lock = join(directory, LOCK);
  fs.rmSync(join(lock, fileName(id)), { force: true });
  fs.rmSync(`${lock}.${id}`, { recursive: true, force: true });
  removeIfEmpty(lock);
}

/**
 * The last thing that an owner writes: the lease's own file gets the content and is renamed to `path`, at once and only if nobody has
 * taken over. The lease has ended then.
 * @throws LeaseLostError if another process has taken over.
 */
export function commitLease(directory: string, id: string, path: string, content: string): void {
  const file = join(directory, LOCK, fileName(id));
  try {
    const draft = fs.openSync(file, 'r+'); // never made anew
    try {
      fs.ftruncateSync(draft);
      fs.writeFileSync(draft, content);
      fs.fsyncSync(draft);
    } finally {
      fs.closeSync(draft);
    }
    fs.renameSync(file, path);
  } catch (error) {
    if (isThere(file) || !isGone(error)) throw error;
    throw new LeaseLostError(directory);
  }
  removeIfEmpty(join(directory, LOCK));
}

/** Whether a lease goes on, and is that of this owner. */
export function holdsLease(directory: string, id: string): boolean {
  return isThere(join(directory, LOCK, fileName(id)));
}

/**
 * Removes what processes that were killed have left half made: drafts of files and of locks, by names that only we give.
 * For the owner of the directory's lease; a directory that is not there has none.
 */
export function removeDrafts(directory: string): void {
  for (const name of namesIn(directory)) {
    if (isDraft(name) || name.startsWith(`${LOCK}.`))
      fs.rmSync(join(directory, name), { recursive: true, force: true });
  }
}

/** `MIXERZOO_LEASE_SECONDS` of the environment, or half a minute, in ms. @throws InvalidConfigError for no such time. */
export function leaseTime(): number {
  const asked = process.env['MIXERZOO_LEASE_SECONDS'];
  const leaseMs = asked ? 1000 * Number(asked) : USUAL_LEASE_MS;
  if (leaseMs > 0 && leaseMs <= LONGEST_LEASE_MS) return leaseMs;
  const most = LONGEST_LEASE_MS / 1000;
  throw new InvalidConfigError(`MIXERZOO_LEASE_SECONDS: expected a number above 0, at most ${most}, got '${asked}'.`);
}

const fileName = (id: string) => `${id}.json`;

/** Ends a lease that is over, or removes what stands in a lock's place; a lock that is a directory stays. */
function end(path: string, lock: string): void {
  if (path !== lock) {
    fs.rmSync(path, { recursive: true, force: true });
    return;
  }
  try {
    fs.unlinkSync(lock);
  } catch (error) {
    const stats = fs.lstatSync(lock, { throwIfNoEntry: false });
    if (stats && !stats.isDirectory()) throw error;
  }
}

/** Errors of a rename onto what is there, on POSIX and on Windows, and of a draft that an owner tidied away. */
const TAKEN = [
  'ENOTEMPTY',
  'EEXIST',
  'ENOTDIR',
  'ENOENT',
  ...(process.platform === 'win32' ? ['EPERM', 'EACCES'] : []),
];

/** True if the lock is ours now; false if there is one. */
function take(lock: string, id: string, content: string): boolean {
  const draft = `${lock}.${id}`;
  fs.mkdirSync(draft);
  try {
    fs.writeFileSync(join(draft, fileName(id)), content);
    removeIfEmpty(lock); // Windows renames onto nothing
    fs.renameSync(draft, lock);
    return true;
  } catch (error) {
    if (isThere(join(lock, fileName(id)))) return true; // a network file system may report a rename that it has done as failed
    if (!TAKEN.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

function removeIfEmpty(directory: string): void {
  try {
    fs.rmdirSync(directory);
  } catch {} // not there, or another's
}

interface Sight {
  readonly path: string;
  /** Differs after a renewal. */
  readonly state: string;
  /** Undefined where the file does not say, as it is damaged. */
  readonly owner: Owner | undefined;
  readonly renewedMs: number;
}

/** Who holds a lock; nobody where it is absent or empty. What stands there in place of a directory is damage. */
function lookAt(lock: string): Sight[] {
  const stats = fs.lstatSync(lock, { throwIfNoEntry: false });
  if (!stats) return [];
  const paths = stats.isDirectory() ? namesIn(lock).map((name) => join(lock, name)) : [lock];
  return paths.flatMap((path) => sight(path) ?? []);
}

function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function sight(path: string): Sight | undefined {
  const there = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!there) return undefined;
  try {
    const file = fs.openSync(path, 'r'); // a network file system looks anew at a file that is opened
    try {
      const text = fs.readFileSync(file, 'utf8');
      const renewedMs = fs.fstatSync(file).mtimeMs;
      return { path, state: `${renewedMs} ${text}`, owner: parseOwner(text), renewedMs };
    } finally {
      fs.closeSync(file);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { path, state: `${code}`, owner: undefined, renewedMs: there.mtimeMs };
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    const { pid, leaseMs } = owner ?? {};
    const whole = Number.isInteger(pid) && typeof leaseMs === 'number' && leaseMs > 0 && leaseMs <= LONGEST_LEASE_MS;
    return whole ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

const describeOwner = (owner: Owner | undefined) =>
  owner ? `process ${owner.pid} on ${owner.host}` : 'nobody who can be told from a damaged file';

/** True only where it can be seen: a process of our own machine since it was started, and of our own container. */
function isDead(owner: Owner | undefined, here: string | null): boolean {
  if (!owner || here === null || owner.place !== here) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  return owner.started !== null && owner.started !== startTime(owner.pid);
}

/** Where process numbers are our own: this start of this machine, and this namespace of them. */
function placeOfProcess(): string | null {
  try {
    if (fs.readlinkSync('/proc/self') !== String(process.pid)) return null; // another namespace's /proc
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${fs.readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

function startTime(pid: number): string | null {
  try {
    // Field 22 of /proc/<pid>/stat; the second field may hold spaces, so count from the closing parenthesis.
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Opened, since a network file system may remember that a file is there, and looks anew at one that is opened. */
function isThere(path: string): boolean {
  try {
    fs.closeSync(fs.openSync(path, 'r'));
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

const isGone = (error: unknown) =>
  ['ENOENT', 'ESTALE', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
