/** A short form of `npm run check:hosts`: two hosts over one directory, where namespaces can be made. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/two-hosts.mjs', import.meta.url));

it('two hosts whose workers and commands are killed, and one is stopped, come to the numbers of one process', async ({
  skip,
}) => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--source', '--runs', '8']);
  const reason = /^skipped: (.*)$/m.exec(stdout)?.[1];
  if (reason !== undefined) skip(reason);
  expect(stdout).toMatch(/the stopped worker goes on$/m);
  expect(stdout).toMatch(
    /^8 runs by two hosts: each with the numbers of one process, bit for bit; each finished once;/m,
  );
}, 900_000);
