/** A report that is asked for again and again: what makes another version of it, and what a refresh of hundreds of runs costs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeRun } from '../../__fixtures__/write-run.js';
import type { RunRecord } from '../../runs/results.js';
import { sampleRun } from '../__fixtures__/sample-run.js';
import { keepDrawings } from '../drawn-charts.js';
import { createLiveReport } from './live-report.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mixerzoo-live-report-'));
});
afterEach(() => {
  keepDrawings(0);
  rmSync(root, { recursive: true });
});

const raise = (fault: Error) => {
  throw fault;
};
const write = (run: RunRecord) => writeRun(join(root, `run-${run.config.id}`), run);

it('is another version where a run is another, and the same page otherwise', async () => {
  await write(sampleRun({ partial: true }));
  const report = createLiveReport(root, raise);
  const { version } = await report.look();
  const page = await report.page();
  expect(page).toContain(`data-version="${version}"`);
  expect((await report.look()).version).toBe(version);
  expect(await report.page()).toBe(page);
  await write(sampleRun());
  expect((await report.look()).version).not.toBe(version);
  expect(await report.page()).not.toBe(page);
});

it('looks once for all who ask at a time', async () => {
  await write(sampleRun());
  const report = createLiveReport(root, raise);
  const [one, other] = await Promise.all([report.look(), report.look()]);
  expect(one).toBe(other);
});

it('throws where the directory has gone, and goes on when it is back', async () => {
  const run = sampleRun();
  await write(run);
  const report = createLiveReport(root, raise);
  const { version } = await report.look();
  rmSync(root, { recursive: true });
  await expect(report.look()).rejects.toThrow('expected a directory of runs, got ENOENT');
  await write(run);
  expect((await report.look()).version).not.toBe(version);
  expect(await report.page()).toContain('sample: 1 model on mqar');
});

it('refreshes a page of 300 runs within a second of the processor, and does not grow', async () => {
  const models = Array.from({ length: 10 }, (_, model) => `Model ${model}`);
  const runs = models.flatMap((label, rank) =>
    [0.001, 0.003, 0.01].flatMap((learningRate) =>
      Array.from({ length: 10 }, (_, seed) =>
        sampleRun({ label, learningRate, seed, accuracies: [0.9 - 0.05 * rank, 0.5, 0.3 + 0.001 * seed] }),
      ),
    ),
  );
  for (const run of runs) await write(run);
  const report = createLiveReport(root, raise);
  await report.look();
  await report.page();
  const costs: number[] = [];
  const heap: number[] = [];
  for (let round = 0; round < 8; round++) {
    const { label, learningRate, seed } = runs[37 * round]!.config;
    await write(sampleRun({ label, learningRate, seed, accuracies: [0.4, 0.3, 0.2] }));
    const before = process.cpuUsage();
    await report.look();
    await report.page();
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / 1e6);
    heap.push(process.memoryUsage().heapUsed / 2 ** 20);
  }
  console.log(
    `a refresh at 300 runs: ${Math.min(...costs).toFixed(2)} to ${Math.max(...costs).toFixed(2)} s, heap ${heap.map((MiB) => MiB.toFixed(0)).join(', ')} MiB`,
  );
  // The least of several: what else runs on the machine only adds.
  expect(Math.min(...costs)).toBeLessThan(1);
  expect(Math.max(...heap)).toBeLessThan(600);
}, 300_000);
