import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'mixerzoo-unstub-'));
afterAll(() => rmSync(root, { recursive: true }));

const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const setup = fileURLToPath(new URL('vitest-unstub.ts', import.meta.url));
/** Either finds what the other left, whichever runs first in the worker that they share. */
const TEST = `
  it('finds nothing of another file', () => {
    expect(typeof setImmediate).toBe('function');
    expect(process.env.MIXERZOO_STUBBED).toBe(undefined);
    expect(Math.max(1, 2)).toBe(2);
    vi.stubGlobal('setImmediate', undefined);
    vi.stubEnv('MIXERZOO_STUBBED', 'yes');
    vi.spyOn(Math, 'max').mockReturnValue(0);
  });
`;

it('takes back what a test file put in place of globals, variables and methods', () => {
  for (const name of ['a', 'b']) writeFileSync(join(root, `${name}.test.ts`), TEST);
  const config = { globals: true, isolate: false, maxWorkers: 1, setupFiles: [setup] };
  writeFileSync(join(root, 'vitest.config.mjs'), `export default { test: ${JSON.stringify(config)} };`);
  const { stdout, status } = spawnSync(process.execPath, [VITEST, 'run', '--root', root], { encoding: 'utf8' });
  expect({ stdout, status }).toEqual({ stdout: expect.stringMatching(/2 passed/), status: 0 });
});
