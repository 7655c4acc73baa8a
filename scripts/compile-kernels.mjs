/**
 * `npm run kernels`, and the last step of `npm install`: what the sources need before they run. The kernels of all packages to
 * WebAssembly, TensorFlow.js's gradients in one file, and native kernels where there is a C++ compiler. What was made from what
 * is there now stays.
 *
 * One process for all packages: the compiler is slow until it is warm. It says what it does, a line a phase.
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { ensureKernel, isCurrent, kernelsIn } from '../packages/core/bin/compile-kernel.mjs';

/** More threads would take more memory than time. */
const MOST_THREADS = 4;
const ROOT = join(import.meta.dirname, '..');

if (isMainThread) await main();
else parentPort.on('message', (entry) => ensureKernel(entry).then(() => parentPort.postMessage(entry), raise));

async function main() {
  const begun = performance.now();
  const seconds = () => `${Math.round((performance.now() - begun) / 1000)} s`;
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => join(ROOT, 'packages', name));
  const kernels = packages.flatMap(kernelsIn);
  const stale = kernels.filter((entry) => !isCurrent(entry)).sort((a, b) => statSync(b).size - statSync(a).size);
  const native = run('packages/native', 'bin/mixerzoo-native.mjs', '--if-possible');
  if (stale.length > 0) {
    console.log(
      `kernels: compiling ${stale.length} of ${kernels.length} to WebAssembly, and native ones where there is a C++ compiler. Once: later only what changed.`,
    );
    await compileAll(stale);
    console.log(`kernels: ${stale.length} compiled after ${seconds()}`);
  }
  await run('packages/core', 'scripts/bundle-tfjs.mjs');
  await native;
  if (stale.length > 0) console.log(`kernels: all is ready after ${seconds()}`);
}

/** In threads, the longest first. */
function compileAll(entries) {
  const waiting = [...entries];
  const count = Math.min(waiting.length, availableParallelism(), MOST_THREADS);
  return Promise.all(
    Array.from({ length: count }, () => {
      const worker = new Worker(new URL(import.meta.url));
      const done = new Promise((finish, fail) => {
        const next = () => (waiting.length > 0 ? worker.postMessage(waiting.shift()) : finish());
        worker.on('message', next);
        worker.on('error', fail);
        next();
      });
      return done.finally(() => worker.terminate());
    }),
  ).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}

/** A step of a package, run in it. A failure ends this process as it ended that. */
function run(directory, file, ...args) {
  const cwd = resolve(ROOT, directory);
  return new Promise((done) => {
    spawn(process.execPath, [file, ...args], { cwd, stdio: 'inherit' }).on('exit', (code) => {
      if (code !== 0) process.exit(code ?? 1);
      done();
    });
  });
}

/** Ends the thread; the main one hears of it. */
function raise(error) {
  setImmediate(() => {
    throw error;
  });
}
