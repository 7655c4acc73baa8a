/** Kernels compile to the same bytes wherever the compiler and the kernel are: the code behind a run counts them. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ensureKernel, generatedPath } from '../packages/core/bin/compile-kernel.mjs';

const KERNEL = join(import.meta.dirname, '../packages/attention/src/ops/causal-attention');
const work = mkdtempSync(join(tmpdir(), 'mixerzoo-kernel-'));
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  rmSync(work, { recursive: true });
});

/** What a copy of the kernel compiles to, in this directory of the process. */
async function compiled(copy: string, directory: string): Promise<string> {
  const entry = join(work, copy, 'kernel.as.ts');
  cpSync(join(KERNEL, 'kernel.as.ts'), entry);
  process.chdir(directory);
  await ensureKernel(entry);
  return readFileSync(generatedPath(entry), 'utf8');
}

it('compiles a kernel to the same bytes from anywhere', async () => {
  const first = await compiled('one', home);
  expect(first).toContain("relaxed: 'AGFz");
  expect(await compiled('another/place', work)).toBe(first);
}, 300_000);
