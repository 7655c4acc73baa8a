/** `mixerzoo report --serve` as a process, and what its flags are held to. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { start } from '../__fixtures__/command.js';
import { mixerzoo } from '../__fixtures__/in-process.js';
import { writeRun } from '../__fixtures__/write-run.js';
import { sampleRun } from '../report/__fixtures__/sample-run.js';

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-serve-'));
  mkdirSync(join(cwd, 'runs'));
  const run = sampleRun();
  await writeRun(join(cwd, 'runs', `cat-${run.config.id}`), run);
});
afterAll(() => rmSync(cwd, { recursive: true }));

it.each(['SIGINT', 'SIGTERM'] as const)(
  'serves until %s, and writes nothing',
  async (signal) => {
    const child = start(cwd, ['report', 'runs', '--serve', '--port', '0']);
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
        written[name] += chunk;
      });
    }
    const ended = once(child, 'close');
    await expect.poll(() => written.stdout, { timeout: 60_000 }).toContain('Ctrl-C ends it.');
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(written.stdout)![0];
    expect(await (await fetch(url)).text()).toContain('sample: 1 model on mqar');
    child.kill(signal);
    expect((await ended)[0]).toBe(0);
    expect(written.stderr).toBe('');
    expect(readdirSync(join(cwd, 'runs'))).toHaveLength(1);
  },
  90_000,
);

it('says plainly who can read the runs where it is not on this machine alone', async () => {
  const child = start(cwd, ['report', 'runs', '--serve', '--port', '0', '--host', '0.0.0.0', '--json']);
  const ended = once(child, 'close');
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  await expect.poll(() => stderr, { timeout: 60_000 }).toContain('There is no password and no encryption.');
  child.kill('SIGINT');
  expect((await ended)[0]).toBe(0);
}, 90_000);

it.each([
  [['--serve', '--port', 'http'], "--port: expected a whole number from 0 to 65535, got 'http'."],
  [['--serve', '--port', '65536'], "--port: expected a whole number from 0 to 65535, got '65536'."],
  [['--serve', '--out', 'elsewhere'], '--out: expected no place beside --serve, which writes nothing.'],
  [['--host', '::1'], '--host: expected it together with --serve.'],
  [['--port', '80'], '--port: expected it together with --serve.'],
] as const)('refuses %j', async (flags, message) => {
  const { code, stderr } = await mixerzoo('report', join(cwd, 'runs'), ...flags);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

it('refuses a directory that is not there', async () => {
  const { code, stderr } = await mixerzoo('report', join(cwd, 'nowhere'), '--serve');
  expect([code, stderr]).toEqual([2, expect.stringContaining('nowhere: expected a directory of runs, got none.')]);
});
