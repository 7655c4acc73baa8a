import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, vi } from 'vitest';
import { ensureSources, missingSources } from './generated-sources.mjs';
import { fromSource } from './vitest-project.ts';

const root = mkdtempSync(join(tmpdir(), 'mixerzoo-generated-'));
afterAll(() => rmSync(root, { recursive: true }));

const put = (file: string) => {
  mkdirSync(join(root, file, '..'), { recursive: true });
  writeFileSync(join(root, file), '');
};
const BUNDLED = 'packages/core/src/tf-registrations.generated.ts';
const KERNEL = join('packages', 'my', 'src', 'ops', 'own', 'kernel.generated.ts');

it('makes what a new checkout lacks, once, and says what that is', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  put('packages/core/src/index.ts');
  put('packages/my/src/ops/own/kernel.as.ts');
  expect(missingSources(root)).toEqual([BUNDLED, KERNEL]);

  const generate = vi.fn(() => {
    put(BUNDLED);
    put(KERNEL);
    return true;
  });
  ensureSources(root, generate);
  ensureSources(root, generate);
  expect(generate).toHaveBeenCalledTimes(1);
  expect(log.mock.calls).toEqual([[`${BUNDLED} is not there yet: npm run kernels`]]);
  log.mockRestore();
});

it('is an error that names the first, where it cannot be made', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  rmSync(join(root, KERNEL));
  const message = /expected 'npm run kernels' to make .*kernel\.generated\.ts, got a failure\. Run it by itself/;
  expect(() => ensureSources(root, () => true)).toThrow(message);
  expect(() => ensureSources(root, () => false)).toThrow(message);
  log.mockRestore();
});

it('stands before the tests of every package', () => {
  expect(fromSource.test.globalSetup).toEqual([fileURLToPath(new URL('generated-sources.mjs', import.meta.url))]);
});
