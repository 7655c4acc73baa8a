import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { compiledKernels } from './vitest-kernels.ts';
import { fromSource } from './vitest-project.ts';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-kernels-'));
afterAll(() => rmSync(directory, { recursive: true }));

const entry = join(directory, 'op/kernel.as.ts');
const shared = join(directory, 'op/shared.ts');
const watched = new Set<string>();
type Hook = (this: { addWatchFile(file: string): void }, ...args: string[]) => unknown;
const plugin = compiledKernels() as unknown as { resolveId: Hook; load: Hook };
const context = { addWatchFile: (file: string) => void watched.add(file) };

/** The module as a test gets it: compiled if need be. */
const generated = () => {
  const id = plugin.resolveId.call(context, './kernel.generated.js', join(directory, 'op/wasm.ts')) as string;
  return plugin.load.call(context, id) as Promise<string>;
};
const madeAt = () => readFileSync(join(directory, 'op/kernel.generated.ts'), 'utf8');
const write = (factor: number) => writeFileSync(shared, `export const FACTOR: f32 = ${factor};\n`);

it('compiles a kernel whose sources have changed, and no other', async () => {
  mkdirSync(join(directory, 'op'));
  write(2);
  writeFileSync(
    entry,
    `import { FACTOR } from './shared';\nexport function scaled(x: f32): f32 { return FACTOR * x; }\n`,
  );
  const first = await generated();
  expect(first).toMatch(/simd: '[\w+/=]+'/);
  expect(watched).toContain(entry);
  expect(watched).toContain(shared);

  writeFileSync(join(directory, 'op/kernel.generated.ts'), `${madeAt()}// not written again\n`);
  expect(await generated()).toMatch(/not written again/);

  write(3);
  const second = await generated();
  expect(second).not.toMatch(/not written again/);
  expect(second.match(/simd: .*/)?.[0]).not.toBe(first.match(/simd: .*/)?.[0]);
});

it('fails with what the compiler says, however good the last build was', async () => {
  writeFileSync(entry, 'export function scaled(x: f32): f32 { return FACTOR * x; }\n');
  await expect(generated()).rejects.toThrow(/op\/kernel\.as\.ts does not compile\..*Cannot find name 'FACTOR'/s);
});

it('belongs to every package', () => {
  expect(fromSource.plugins.map(({ name }) => name)).toContain('mixerzoo:kernels');
});
