import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { writeRun } from '../__fixtures__/write-run.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';
import { readResult } from '../runs/read-results.js';
import type { RunRecord } from '../runs/results.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mixerzoo-merge-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A run of a machine; its directory has the name that every machine gives it. */
async function place(machine: string, run: RunRecord): Promise<string> {
  const { experiment, id, seed } = run.config;
  const directory = join(root, machine, experiment, `run-s${seed}-${id}`);
  await writeRun(directory, run);
  mkdirSync(join(directory, 'checkpoint'), { recursive: true });
  writeFileSync(join(directory, 'checkpoint', 'checkpoint.json'), machine);
  return directory;
}

const made = (seed: number) => {
  const run = sampleRun();
  const id = `${seed}`.padStart(12, '0');
  return { ...run, config: { ...run.config, id, seed }, result: { ...run.result!, id } } as RunRecord & {
    readonly result: Extract<RunRecord['result'], { status: 'done' }>;
  };
};
const partial = (run: RunRecord): RunRecord => ({ ...run, epochs: run.epochs.slice(0, 1), result: undefined });
const there = (run: string) => join(root, 'runs', basename(join(run, '..')), basename(run));
const merge = (...machines: string[]) =>
  mixerzoo('merge', ...machines.map((machine) => join(root, machine)), '--into', join(root, 'runs'));

it('brings the runs of two machines together, under one report', async () => {
  const [a, b] = [await place('a', made(1)), await place('b', made(2))];
  writeFileSync(join(a, `metrics.jsonl.00000000-0000-0000-0000-000000000000.tmp`), '');
  const { code, stdout } = await merge('a', 'b');
  expect(stdout).toMatch(/^2 copied, 0 there already, 0 further along where they were, 0 in progress, 0 in conflict\./);
  expect(code).toBe(0);
  for (const run of [a, b]) {
    expect(readdirSync(there(run)).sort()).toEqual(
      readdirSync(run)
        .filter((name) => !name.endsWith('.tmp'))
        .sort(),
    );
    expect(readFileSync(join(there(run), 'result.json'), 'utf8')).toBe(readFileSync(join(run, 'result.json'), 'utf8'));
  }
  expect(readdirSync(join(root, 'runs')).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(readFileSync(join(root, 'runs', 'table.md'), 'utf8')).toContain(made(1).config.label);
  expect((await merge('a', 'b')).stdout).toMatch(/^0 copied, 2 there already/);
});

it('of each run keeps the copy that has come furthest, whichever way', async () => {
  const [behind, ahead] = [await place('a', partial(made(1))), await place('a', made(2))];
  const [whole, part] = [await place('runs', made(1)), await place('runs', partial(made(2)))];
  expect((await merge('a')).stdout).toMatch(/^1 copied, 0 there already, 1 further along where they were/);
  expect(await readResult(whole, made(1).config.id, () => {})).toMatchObject({ status: 'done' });
  expect(readFileSync(join(whole, 'checkpoint', 'checkpoint.json'), 'utf8')).toBe('runs');
  expect(await readResult(part, made(2).config.id, () => {})).toMatchObject({ status: 'done' });
  expect(readFileSync(join(part, 'checkpoint', 'checkpoint.json'), 'utf8')).toBe('a');
  expect([behind, ahead].map(there)).toEqual([whole, part]);
});

it('names runs that say different things, and keeps the one that was there', async () => {
  const run = made(1);
  const other = { ...run, result: { ...run.result, validation: { ...run.result.validation, loss: 0.125 } } };
  await place('a', other);
  const mine = await place('runs', run);
  const { code, stdout, stderr } = await merge('a');
  expect(code).toBe(1);
  expect(stdout).toMatch(/1 in conflict/);
  expect(stderr).toMatch(
    new RegExp(
      `conflict: .*/a/.*: loss 0\\.125 after .* steps on .*, where there is one of loss ${run.result.validation.loss} `,
    ),
  );
  expect(await readResult(mine, run.config.id, () => {})).toMatchObject({ validation: run.result.validation });
});

it('touches no run in progress, here or there', async () => {
  const [here, other] = [await place('a', partial(made(1))), await place('a', made(2))];
  const held = await place('runs', partial(made(2)));
  for (const run of [here, held]) {
    mkdirSync(join(run, '.lock'));
    const owner = { pid: process.pid, host: 'this', leaseMs: 30_000, place: null, started: null };
    writeFileSync(join(run, '.lock', 'owner.json'), JSON.stringify(owner));
  }
  const touch = setInterval(
    () => writeFileSync(join(held, '.lock', 'owner.json'), readFileSync(join(held, '.lock', 'owner.json'))),
    100,
  );
  const { code, stderr } = await merge('a');
  clearInterval(touch);
  expect(code).toBe(1);
  expect(stderr).toMatch(/skipped: .*: in progress, by process \d+ on this: merge again when it has ended/);
  expect(stderr).toMatch(/skipped: .*: in progress where it would go, by process \d+ on this/);
  expect(readFileSync(join(held, 'checkpoint', 'checkpoint.json'), 'utf8')).toBe('runs');
  expect(other).toBeDefined();
});

it('says what is no directory of runs', async () => {
  expect((await merge('nowhere')).stderr).toMatch(
    /merge: expected directories of runs, got .*nowhere, which does not exist/,
  );
  mkdirSync(join(root, 'runs'));
  expect((await merge('runs')).stderr).toMatch(/merge: expected other directories than that of --into/);
});
