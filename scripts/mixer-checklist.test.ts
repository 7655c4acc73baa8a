import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { checkList } from './mixer-checklist.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const entryOf = (name: string) => join(ROOT, 'packages', name, 'src/index.ts');
const mixers = readdirSync(join(ROOT, 'packages')).filter(
  (name) => existsSync(entryOf(name)) && /definePlugin\(\{\s*mixers/.test(readFileSync(entryOf(name), 'utf8')),
);
const faultsOf = (root: string, name: string) =>
  checkList(root, name).flatMap(({ what, fault }) => (fault ? `${what}: ${fault}` : []));

it('finds the packages with mixers', () => {
  expect(mixers.length).toBeGreaterThan(5);
});

it.each(mixers)('%s has what a package of the zoo has', (name) => {
  expect(faultsOf(ROOT, name)).toEqual([]);
});

it('says what a fresh copy of the template lacks', () => {
  const root = mkdtempSync(join(tmpdir(), 'mixerzoo-checklist-'));
  mkdirSync(join(root, 'packages/bench'), { recursive: true });
  cpSync(join(ROOT, 'packages/bench/package.json'), join(root, 'packages/bench/package.json'));
  cpSync(join(ROOT, 'README.md'), join(root, 'README.md'));
  cpSync(join(ROOT, 'templates/mixer'), join(root, 'packages/causal-mean'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  mkdirSync(join(root, 'packages/causal-mean/src/ops/scan'), { recursive: true });
  writeFileSync(join(root, 'packages/causal-mean/src/ops/scan/kernel.as.ts'), '');
  expect(faultsOf(root, 'causal-mean')).toEqual([
    'package.json: a plugin, with core as a peer: kernels that no script compiles',
    'tests: describeMixer, and describeOp where there are kernels: no test calls describeOp',
    "README.md: title, example that runs, paper, options: the template's words 'put the reference here', 'name it here'",
    "README.md of the repository: a row of 'The zoo': none",
    'the command installs it: packages/bench/package.json does not depend on it',
    'bench:kernels measures its kernels: no case of @mixerzoo/causal-mean',
    'a changeset, until its first release: none names it',
  ]);
  rmSync(root, { recursive: true });
});
