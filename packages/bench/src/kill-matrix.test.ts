/** A few points of the matrix of `npm run check:kills`, which has them all. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/kill-matrix.mjs', import.meta.url));

it('gives the numbers of an uninterrupted experiment after it was failed at a change to its directory', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--source', '--sample', '3', '--jobs', '1']);
  expect(stdout).toMatch(/^3 points in .* minutes: 3 as uninterrupted, 0 not$/m);
}, 900_000);
