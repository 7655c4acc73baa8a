/** Kernels compile to the same bytes wherever the compiler and the kernel are: the code behind a run counts them. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { ensureKernel, generatedPath } from '../packages/core/bin/compile-kernel.mjs';

const KERNEL = join(import.meta.dirname, '../packages/attention/src/ops/causal-attention/kernel.as.ts');
const work = mkdtempSync(join(tmpdir(), 'mixerzoo-kernel-'));
const home = process.cwd();
afterEach(() => {
  process.chdir(home);
  rmSync(work, { recursive: true, force: true });
});

/** What the kernel of a directory compiles to, in this directory of the process. */
async function compiled(directory: string, cwd: string): Promise<string> {
  const entry = join(directory, 'kernel.as.ts');
  process.chdir(cwd);
  await ensureKernel(entry);
  return readFileSync(generatedPath(entry), 'utf8');
}

it('compiles a kernel to the same bytes from anywhere', async () => {
  const places = [join(work, 'one'), join(work, 'another/place')] as const;
  for (const place of places) cpSync(KERNEL, join(place, 'kernel.as.ts'));
  const first = await compiled(places[0], home);
  expect(first).toMatch(/made from .*"core\/assembly\/\w+\.ts":.*"kernel\.as\.ts":[\s\S]*relaxed: 'AGFz/);
  expect(await compiled(places[1], work)).toBe(first);
}, 300_000);

it('finds what a kernel shares with others, in the folder above', async () => {
  const place = join(work, 'ops/part');
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(work, 'ops/shared.as.ts'),
    "import { sumLanes } from '@mixerzoo/core/assembly/simd';\nexport function four(x: f32): f32 { return sumLanes(f32x4.splat(x)); }\n",
  );
  writeFileSync(
    join(place, 'kernel.as.ts'),
    "import { four } from '../shared.as';\nexport function run(x: f32): f32 { return four(x); }\n",
  );
  expect(await compiled(place, work)).toMatch(/made from .*"\.\.\/shared\.as\.ts":.*"core\/assembly\/simd\.ts":/);
}, 300_000);
