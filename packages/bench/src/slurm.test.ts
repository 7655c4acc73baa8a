/** A short form of `npm run check:slurm`: a sweep on a real Slurm, where there is one. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/slurm-sweep.mjs', import.meta.url));

it('an array job of which a task and a worker are killed comes to the numbers of one process', async ({ skip }) => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--source', '--runs', '12']);
  const reason = /^skipped: (.*)$/m.exec(stdout)?.[1];
  if (reason !== undefined) skip(reason);
  expect(stdout).toMatch(/^12 runs: each with the numbers of one process, bit for bit; none trained twice\.$/m);
}, 900_000);
