/**
 * `node --import`: counts what a process of the command changes below the directory FAIL_ROOT, and fails it at the FAIL_ATth
 * change, in the first process that comes so far and makes the file FAIL_ONCE: FAIL_HOW is `kill` (kill -9 before it), `torn`
 * (half of the bytes, then kill -9) or `full` (half of the bytes, and from then on no room). FAIL_ROLE says in which process,
 * `command` or `worker`. FAIL_LOG names a file that gets a line for each change.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const { FAIL_ROOT: root, FAIL_ROLE: failingRole, FAIL_AT, FAIL_HOW: how, FAIL_ONCE: once, FAIL_LOG: log } = process.env;
const role = process.argv.includes('__worker') ? 'worker' : 'command';
const at = role === failingRole ? Number(FAIL_AT) : Number.POSITIVE_INFINITY;
const { appendFileSync, closeSync, openSync, writeSync } = fs;

let changes = 0;
let failing = false;
let inside = false; // functions of node:fs call each other

/** Counts a change; `write` puts bytes where the change would have put its own. */
function change(name, path, bytes, write) {
  if (inside || !isBelow(path)) return;
  changes++;
  if (log)
    appendFileSync(
      log,
      `${role} ${process.pid} ${bytes === undefined ? '-' : 'bytes'} ${name} ${relative(root, textOf(path))}\n`,
    );
  if (changes === at) failing = isFirst();
  if (!failing) return;
  if (how === 'kill') die();
  if (bytes !== undefined) write(Buffer.from(bytes).subarray(0, Buffer.from(bytes).length >> 1));
  if (how === 'torn') die();
  if (!['rm', 'rmdir', 'unlink', 'utimes'].includes(name)) throw noRoom(name, path);
}

function isFirst() {
  try {
    closeSync(openSync(once, 'wx'));
    return true;
  } catch {
    return false;
  }
}

const textOf = (path) => (path instanceof URL ? fileURLToPath(path) : resolve(String(path)));
const isBelow = (path) => root !== undefined && `${textOf(path)}${sep}`.startsWith(`${root}${sep}`);

function die() {
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function noRoom(name, path) {
  const message = `ENOSPC: no space left on device, ${name} '${textOf(path)}'`;
  return Object.assign(new Error(message), { code: 'ENOSPC', errno: -28, syscall: name, path: textOf(path) });
}

function put(path, flag) {
  return (bytes) => {
    const file = openSync(path, flag);
    writeSync(file, bytes);
    closeSync(file);
  };
}

const writes = (flags) => typeof flags === 'string' && /[wa+]/.test(flags);

/** The change that a function of node:fs makes, by its name without `Sync`; undefined for one that makes none. */
function announce(name, [path, second]) {
  if (name === 'open') writes(second) && change('open', path);
  else if (name === 'writeFile') change(name, path, second, put(path, 'w'));
  else if (name === 'appendFile') change(name, path, second, put(path, 'a'));
  else change(name, name === 'rename' || name === 'link' || name === 'symlink' ? second : path);
}

const CHANGES = [
  'appendFile',
  'copyFile',
  'link',
  'mkdir',
  'open',
  'rename',
  'rm',
  'rmdir',
  'symlink',
  'truncate',
  'unlink',
  'utimes',
  'writeFile',
];

/** The methods of an open file that write, on its way to the program. */
function watchHandle(handle, path) {
  for (const name of ['appendFile', 'writeFile', 'write', 'sync']) {
    const original = handle[name].bind(handle);
    handle[name] = async (...given) => {
      if (name === 'sync') change('sync', path);
      else change('write', path, given[0], (bytes) => writeSync(handle.fd, bytes));
      return original(...given);
    };
  }
  return handle;
}

if (isMainThread) {
  for (const name of CHANGES) {
    const sync = fs[`${name}Sync`];
    fs[`${name}Sync`] = (...given) => {
      announce(name, given);
      const before = inside;
      inside = true;
      try {
        return sync(...given);
      } finally {
        inside = before;
      }
    };
    const promised = fs.promises[name];
    fs.promises[name] = async (...given) => {
      announce(name, given);
      const result = await promised(...given);
      return name === 'open' && isBelow(given[0]) && writes(given[1]) ? watchHandle(result, given[0]) : result;
    };
  }
  syncBuiltinESMExports();
}
