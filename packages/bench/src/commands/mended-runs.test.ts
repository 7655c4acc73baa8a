/** `mixerzoo run` on runs of its own whose records were damaged: what can be made again is, and nothing else is lost. */
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/command.js';
import { TINY } from '../__fixtures__/tiny-experiment.js';
import { loadRuns } from '../runs/read-results.js';
import type { RunDone } from '../runs/results.js';

const cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-mended-'));
afterAll(() => rmSync(cwd, { recursive: true }));

it('makes results and configs again, without training, and names what stays damaged', async () => {
  writeFileSync(join(cwd, 'tiny.yaml'), `${TINY}seeds: [0, 1]\n`);
  const run = () => mixerzoo(cwd, 'run', 'tiny.yaml');
  expect((await run()).code).toBe(0);
  const [first, second] = await loadRuns(join(cwd, 'runs'));
  const file = (name: string) => join(first!.directory, name);
  const metrics = readFileSync(file('metrics.jsonl'), 'utf8');
  const config = readFileSync(file('config.json'), 'utf8');

  // No other run's result, however sound.
  copyFileSync(join(second!.directory, 'result.json'), file('result.json'));
  writeFileSync(file('config.json'), 'null');
  const mended = await run();
  expect(mended.code).toBe(0);
  expect(mended.stderr).toMatch(
    /result\.json: expected a record of the run [0-9a-f]{12}, got one of .*from the checkpoint/,
  );
  expect(mended.stderr).toMatch(/config\.json: expected a record of a run, got "null".*writes it again/);
  expect(mended.stdout.match(/done before/g)).toHaveLength(1);
  expect(readFileSync(file('metrics.jsonl'), 'utf8')).toBe(metrics); // tested again, not trained
  expect(readFileSync(file('config.json'), 'utf8')).toBe(config);
  const [again] = await loadRuns(join(cwd, 'runs'));
  const numbers = ({ validation, test, steps }: RunDone) => ({ validation, test, steps });
  expect(numbers(again!.result as RunDone)).toEqual(numbers(first!.result as RunDone));

  // A result without anything of it, and a config that is gone though the run is done.
  writeFileSync(file('result.json'), '{"status":"done"}');
  rmSync(join(second!.directory, 'config.json'));
  const emptied = await run();
  expect(emptied.code).toBe(0);
  expect(await loadRuns(join(cwd, 'runs'))).toHaveLength(2);

  writeFileSync(file('metrics.jsonl'), metrics.replace('"step":3', '"step":4'));
  const worn = await run();
  expect(worn.code).toBe(1);
  expect(worn.stderr).toMatch(/metrics\.jsonl line \d+: expected the checksum .* Delete the line/);
  expect(worn.stdout.match(/done before/g)).toHaveLength(2);
  expect(worn.stdout).not.toContain('not started');
}, 600_000);

it('takes runs of the same settings that were copied from another experiment for its own', async () => {
  writeFileSync(join(cwd, 'few.yaml'), `${TINY.replace(/name: .*/, 'name: few')}seeds: [0]\n`);
  expect((await mixerzoo(cwd, 'run', 'few.yaml', '--out', 'copied')).code).toBe(0);
  const [few] = await loadRuns(join(cwd, 'copied'));
  cpSync(few!.directory, join(cwd, 'copied', 'more', basename(few!.directory)), { recursive: true });
  rmSync(join(cwd, 'copied', 'few'), { recursive: true });
  writeFileSync(join(cwd, 'more.yaml'), `${TINY.replace(/name: .*/, 'name: more')}seeds: [0, 1]\n`);
  const more = await mixerzoo(cwd, 'run', 'more.yaml', '--out', 'copied');
  expect(more.stdout.match(/done before/g)).toHaveLength(1);
  const runs = await loadRuns(join(cwd, 'copied'));
  expect(runs.map(({ config: { experiment, seed } }) => [experiment, seed])).toEqual([
    ['more', 0],
    ['more', 1],
  ]);
}, 600_000);
