/**
 * How fast the tasks generate, and how much memory that takes: `npm run bench:generate`.
 *
 * 100,000 training examples per line, each task in a process of its own (peak memory is of the process); the processor time of
 * the best of three, so that other programs disturb it little.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ZooError } from '@mixerzoo/core/errors';
import type { TaskFactory } from '@mixerzoo/core/task';
import { plugin } from '@mixerzoo/tasks';

const COUNT = 100_000;
const LENGTHS = [64, 512];
const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);

function measure(factory: TaskFactory, seqLen: number): void {
  const before = process.resourceUsage().maxRSS * 1024;
  const task = factory({ seqLen });
  let [best, bytes, peak] = [Number.POSITIVE_INFINITY, 0, 0];
  for (let seed = 0; seed < 3; seed++) {
    const start = process.cpuUsage().user;
    const { inputs, labels } = task.generate({ split: 'train', seed, count: COUNT });
    best = Math.min(best, (process.cpuUsage().user - start) / 1e6);
    bytes = inputs.byteLength + labels.byteLength;
    peak ||= process.resourceUsage().maxRSS * 1024 - before; // of the first request alone
  }
  console.log(`| ${task.name} | ${seqLen} | ${best.toFixed(2)} | ${megabytes(bytes)} | ${megabytes(peak)} |`);
}

const [name, seqLen] = process.argv.slice(2);
if (name === undefined) {
  console.log(`${cpus()[0]?.model}, Node ${process.version}, ${COUNT} examples\n`);
  console.log('| task | L | seconds | examples, MB | peak, MB |\n|---|---|---|---|---|');
  for (const { taskName } of plugin.tasks) {
    for (const length of LENGTHS) {
      const script = [fileURLToPath(import.meta.url), taskName, String(length)];
      spawnSync(process.execPath, [...process.execArgv, ...script], { stdio: 'inherit' });
    }
  }
} else {
  const factory = plugin.tasks.find(({ taskName }) => taskName === name);
  if (factory === undefined) throw new ZooError('unknown-name', `unknown task '${name}'.`);
  measure(factory, Number(seqLen));
}
