import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeRun } from '../__fixtures__/write-run.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { readHistory } from './history.js';
import { loadRun, loadRuns } from './read-results.js';
import { createSharing } from './share-parts.js';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'mixerzoo-history-'));

it('is read from disk when it is looked at, without lines that could not be read', async () => {
  const root = newDirectory();
  const sample = sampleRun();
  const directory = join(root, `a-${sample.config.id}`);
  await writeRun(directory, sample);
  const path = join(directory, 'metrics.jsonl');
  const whole = await loadRun(directory);
  expect([whole.steps, whole.epochs]).toEqual([sample.steps, sample.epochs]);
  appendFileSync(path, '{"kind":"step","step":1e9,"checksum":"0"}\n');
  const faults: string[] = [];
  const damaged = await loadRun(directory, ({ message }) => faults.push(message));
  expect(faults).toHaveLength(1);
  expect([damaged.steps, damaged.epochs]).toEqual([sample.steps, sample.epochs]);
  await loadRun(directory, () => {}).then(({ steps }) => steps); // nothing of the former is at hand any more
  rmSync(path);
  expect([damaged.steps, damaged.epochs]).toEqual([[], []]);
});

it('is at hand while one run is looked at, and given up for the next', async () => {
  const root = newDirectory();
  const histories = await Promise.all(
    [0, 1].map(async (seed) => {
      const sample = sampleRun({ seed });
      await writeRun(join(root, String(seed)), sample);
      return readHistory(join(root, String(seed)), sample.config.id, () => {});
    }),
  );
  const [first, second] = histories as [(typeof histories)[0], (typeof histories)[0]];
  expect(first.records).toBe(30);
  const read = first.read();
  expect(first.read()).toBe(read);
  second.read();
  expect(first.read()).not.toBe(read);
  expect(first.read()).toEqual(read);
});

it('holds what configs have in common once', async () => {
  const root = newDirectory();
  for (const seed of [0, 1]) {
    const sample = sampleRun({ seed });
    await writeRun(join(root, `a-${sample.config.id}`), sample);
  }
  const [a, b] = (await loadRuns(root)) as [Awaited<ReturnType<typeof loadRun>>, Awaited<ReturnType<typeof loadRun>>];
  expect(a.config.id).not.toBe(b.config.id);
  expect(a.config.layers).toBe(b.config.layers);
  expect(a.environment?.cpu).toBe(b.environment?.cpu);
  const share = createSharing();
  expect(share({ a: null, b: 1, c: ['x'] })).toEqual({ a: null, b: 1, c: ['x'] });
});
