/**
 * A thread beside the main one, for what must go on while JavaScript or a kernel keeps the main thread busy: it renews
 * leases, ends the process with its parent, and says which package's import takes so long.
 */
import { Worker } from 'node:worker_threads';

/** What the thread is told. */
export type GuardOrder =
  /** Touch a file at an interval, until told to rest; a file that is gone is left alone. */
  | { readonly kind: 'renew'; readonly file: string; readonly everyMs: number }
  | { readonly kind: 'rest'; readonly file: string }
  /** Kill this process as soon as its parent has ended. */
  | { readonly kind: 'end-with-parent' }
  /** Write a line on standard error unless another `say` comes first; null for none. */
  | { readonly kind: 'say'; readonly line: string | null; readonly afterMs: number };

/** Milliseconds between looks at the parent. */
const PARENT_INTERVAL_MS = 200;

/**
 * Plain JavaScript in a string, so that the same thread starts from source, from a bundle and under any loader. A parent
 * that ends is seen by the number of the new one, on Windows by its own number being gone.
 */
const THREAD = `
const { utimesSync, writeSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const parent = process.ppid;
const renewals = new Map();
let saying;
const hasParent = () => {
  if (process.ppid !== parent) return false;
  try {
    process.kill(parent, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
};
const renew = (file) => {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {} // gone: its owner finds out; not to be written now: perhaps the next time
};
parentPort.on('message', (order) => {
  if (order.kind === 'renew') renewals.set(order.file, setInterval(renew, order.everyMs, order.file));
  if (order.kind === 'rest') clearInterval(renewals.get(order.file));
  if (order.kind === 'end-with-parent') {
    setInterval(() => hasParent() || process.kill(process.pid, 'SIGKILL'), ${PARENT_INTERVAL_MS});
  }
  if (order.kind === 'say') {
    clearTimeout(saying);
    if (order.line !== null) saying = setTimeout(writeSync, order.afterMs, 2, order.line);
  }
});
`;

let thread: Worker | undefined;

/** Gives the thread of this process an order; it is started with the first, and keeps no process alive. */
export function orderGuard(order: GuardOrder): void {
  if (!thread) {
    thread = new Worker(THREAD, { eval: true, execArgv: [], name: 'mixerzoo-guard' });
    thread.unref();
  }
  thread.postMessage(order);
}
