import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeRun } from '../../__fixtures__/write-run.js';
import { loadRuns } from '../../runs/read-results.js';
import { sampleRun } from '../__fixtures__/sample-run.js';
import { createRunReader } from './run-reader.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mixerzoo-reader-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const raise = (fault: Error) => {
  throw fault;
};
const write = async (label: string, how: object = {}) => {
  const run = sampleRun({ label, ...how });
  const place = join(root, `${label}-${run.config.id}`);
  await writeRun(place, run);
  return place;
};

it('reads what all runs are, in the order of `loadRuns`', async () => {
  for (const label of ['B', 'A', 'C']) await write(label);
  const { runs } = await createRunReader(root, raise)();
  const plain = (of: readonly object[]) => JSON.parse(JSON.stringify(of)) as unknown;
  expect(plain(runs)).toEqual(plain(await loadRuns(root)));
  expect(runs.map(({ config }) => config.label)).toEqual(['A', 'B', 'C']);
});

it('reads again what has changed alone, and drops what has gone', async () => {
  await write('A');
  const partial = await write('B', { partial: true });
  const read = createRunReader(root, raise);
  const first = await read();
  const same = await read();
  expect(same.mark).toBe(first.mark);
  expect(same.runs.every((run, index) => run === first.runs[index])).toBe(true);
  await write('B');
  const third = await read();
  expect(third.mark).not.toBe(first.mark);
  expect(third.runs[0]).toBe(first.runs[0]);
  expect([first.runs[1]!.result, third.runs[1]!.result?.status]).toEqual([undefined, 'done']);
  rmSync(partial, { recursive: true });
  expect((await read()).runs).toHaveLength(1);
});

it('sees a line more at the same second, and a file in the place of another of its size', async () => {
  const place = await write('A', { partial: true });
  const metrics = join(place, 'metrics.jsonl');
  const read = createRunReader(root, () => {});
  const marks = [(await read()).mark];
  writeFileSync(metrics, '\n', { flag: 'a' });
  utimesSync(metrics, 1, 1);
  marks.push((await read()).mark);
  rmSync(metrics);
  marks.push((await read()).mark);
  expect(new Set(marks).size).toBe(3);
});

it('names what cannot be read, and goes on with the others', async () => {
  await write('A');
  const damaged = await write('B');
  writeFileSync(join(damaged, 'config.json'), '{');
  const faults: string[] = [];
  const { runs } = await createRunReader(root, ({ message }) => faults.push(message))();
  expect(runs.map(({ config }) => config.label)).toEqual(['A']);
  expect(faults.join()).toContain('config.json');
});
