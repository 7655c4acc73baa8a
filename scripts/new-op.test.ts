import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('new-op.mjs', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-new-op-'));
afterAll(() => rmSync(directory, { recursive: true }));
mkdirSync(join(directory, 'packages/delta/src'), { recursive: true });
const manifest = join(directory, 'packages/delta/package.json');
writeFileSync(manifest, JSON.stringify({ scripts: { build: 'tsup' } }));

const newOp = (...args: string[]) =>
  spawnSync(process.execPath, [SCRIPT, ...args], { cwd: directory, encoding: 'utf8' });
const read = (file: string) => readFileSync(join(directory, 'packages/delta/src/ops', file), 'utf8');

it('writes an op of the shape that all have, with a kernel if asked', () => {
  expect(newOp('delta', 'delta-scan').stderr).toBe('');
  const bare = ['delta-scan.test.ts', 'index.ts', 'reference.ts', 'types.ts'];
  expect(readdirSync(join(directory, 'packages/delta/src/ops/delta-scan')).sort()).toEqual(bare);
  expect(read('delta-scan/index.ts')).toMatch(
    /deltaScanOp = defineOp<Inputs, Attrs, Outputs>\(\{\n {2}name: 'DeltaScan'/,
  );
  expect(read('delta-scan/index.ts')).not.toMatch(/wasm|kernels:|saved:|gradient:/);
  expect(JSON.parse(readFileSync(manifest, 'utf8')).scripts).toEqual({ build: 'tsup' });

  expect(newOp('delta', 'delta-rule', '--kernel').status).toBe(0);
  const withKernel = ['delta-rule.test.ts', 'index.ts', 'kernel.as.ts', 'reference.ts', 'types.ts', 'wasm.ts'];
  expect(readdirSync(join(directory, 'packages/delta/src/ops/delta-rule')).sort()).toEqual(withKernel);
  expect(read('delta-rule/index.ts')).toMatch(/kernels: \{ wasm: wasm\.deltaRule \}/);
  expect(read('delta-rule/index.ts')).toMatch(/gradient: \{ kernels: \{ wasm: wasm\.deltaRuleGradient \} \}/);
  expect(JSON.parse(readFileSync(manifest, 'utf8')).scripts).toEqual({ kernels: 'mixerzoo-kernels', build: 'tsup' });
  for (const file of withKernel) expect(read(`delta-rule/${file}`)).not.toMatch(/decayed-?sum/i);
});

it.each([
  [['beta', 'scan'], /expected a package and a name, got 'beta'\. Packages: delta\./],
  [['delta', 'delta-scan'], /expected a new name, got 'delta-scan'/],
  [['delta', 'Scan'], /kebab-case/],
  [['delta', 'outputs'], /the template's code has a 'outputs'/],
  [['delta', 'types'], /the template has a file 'types\.ts'/],
  [['delta', 'scan', 'more'], /got 'delta scan more'/],
])('refuses %j', (args, message) => {
  const { status, stderr } = newOp(...args);
  expect(stderr).toMatch(/^new:op: expected /);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});
