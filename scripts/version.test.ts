import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import { afterAll, describe, expect, it } from 'vitest';

interface Manifest {
  name: string;
  version: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCRIPT = join(ROOT, 'scripts/version.mjs');
const DIRECTORIES = [...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name)), 'templates/mixer'];
const scratch = mkdtempSync(join(tmpdir(), 'mixerzoo-version-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A repository of the manifests alone, with these changesets. */
function repository(name: string, changesets: readonly string[]): string {
  const root = join(scratch, name);
  const files = ['package.json', '.changeset/config.json', ...changesets.map((file) => join('.changeset', file))];
  for (const file of [...files, ...DIRECTORIES.map((path) => join(path, 'package.json'))]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(root, file));
  }
  git(root, 'init', '-q', '-b', 'main');
  git(root, 'add', '-A');
  git(root, 'commit', '-qm', 'manifests');
  return root;
}

const manifests = (root: string): Manifest[] =>
  DIRECTORIES.map((directory) => ({
    dependencies: {},
    peerDependencies: {},
    ...JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8')),
  }));
const versions = (root: string) => new Map(manifests(root).map(({ name, version }) => [name, version]));

/** What users' installs obey: ranges of dependencies and peers. */
function ranges(root: string) {
  return manifests(root).flatMap(({ name, dependencies, peerDependencies }) =>
    Object.entries({ ...dependencies, ...peerDependencies }).map(([of, range]) => ({ name, of, range })),
  );
}

/** The first version after this one that may break. */
const breaking = (version: string) => semver.inc(version, semver.major(version) > 0 ? 'major' : 'minor') as string;

/** Ranges that admit versions nobody has tried, and ranges of siblings that admit a breaking one or not today's. */
function faults(root: string): string[] {
  const current = versions(root);
  const wrong = ({ of, range }: { of: string; range: string }) => {
    const version = current.get(of);
    if (version === undefined) return semver.satisfies('1000.0.0', range);
    return semver.satisfies(breaking(version), range) || !semver.satisfies(version, range);
  };
  return ranges(root)
    .filter(wrong)
    .map(({ name, of, range }) => `${name}: ${of} ${range}`);
}

function git(cwd: string, ...args: string[]) {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

/** Versions of what the changesets of a repository announce. */
function version(root: string) {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { cwd: root, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(readdirSync(join(root, '.changeset'))).toEqual(['config.json']);
}

/** A release of a repository with these changesets. */
function release(root: string, bumps: Record<string, 'major' | 'minor' | 'patch'>) {
  const lines = Object.entries(bumps).map(([name, bump]) => `'${idOf(name)}': ${bump}`);
  writeFileSync(join(root, '.changeset/change.md'), `---\n${lines.join('\n')}\n---\n\nA change.\n`);
  version(root);
  git(root, 'add', '-A');
  git(root, 'commit', '-qm', 'release');
}

/** The name of a package by its folder's. */
const idOf = (folder: string): string =>
  JSON.parse(readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8')).name;

describe('ranges between packages', () => {
  it('admit what was tried, and no breaking release', () => {
    expect(ranges(ROOT).length).toBeGreaterThan(40);
    expect(faults(ROOT)).toEqual([]);
  });

  it('hold over releases, whose versions stay below 1.0.0 until someone says so', () => {
    const root = repository('releases', []);
    const names = DIRECTORIES.filter((path) => path.startsWith('packages')).map(
      (path) => path.split(/[/\\]/)[1] as string,
    );
    release(root, Object.fromEntries(names.map((name) => [name, 'minor'])));
    const first = versions(root);
    const range = (name: string, of: string) =>
      ranges(root).find((each) => each.name === idOf(name) && each.of === idOf(of))?.range as string;
    const released = range('cat', 'attention');
    const next = (name: string, bump: 'minor' | 'patch') =>
      semver.inc(first.get(`@mixerzoo/${name}`) as string, bump) as string;
    expect(faults(root)).toEqual([]);

    release(root, { attention: 'minor' }); // breaks
    expect(versions(root).get('@mixerzoo/attention')).toBe(next('attention', 'minor'));
    expect(semver.satisfies(next('attention', 'minor'), released)).toBe(false); // cat as released keeps what it was tried with
    expect(range('cat', 'attention')).toBe(`^${next('attention', 'minor')}`);
    expect(versions(root).get('@mixerzoo/cat')).toBe(next('cat', 'patch'));
    expect(versions(root).get('@mixerzoo/mamba')).toBe(first.get('@mixerzoo/mamba'));
    expect(faults(root)).toEqual([]);

    const peer = range('mamba', 'core');
    release(root, { core: 'patch' });
    expect(range('mamba', 'core')).toBe(peer);
    expect(faults(root)).toEqual([]);
    const creator = versions(root).get('create-mixerzoo') as string;
    expect(semver.gt(creator, first.get('create-mixerzoo') as string)).toBe(true); // its templates name a core

    release(root, { theory: 'patch' });
    expect(versions(root).get('create-mixerzoo')).toBe(creator); // which they do not name

    release(root, { core: 'minor', attention: 'patch' }); // core breaks
    const core = next('core', 'minor');
    expect(semver.satisfies(core, peer)).toBe(false);
    for (const name of names.filter((each) => !['core', 'create-mixerzoo'].includes(each)))
      expect(range(name, 'core')).toBe(`^${core}`);
    expect(versions(root).get('@mixerzoo/mamba')).toBe(next('mamba', 'minor'));
    const majors = [...versions(root)].filter(
      ([name, version]) => semver.major(version) > semver.major(first.get(name) as string),
    );
    expect(majors).toEqual([]);
    expect(faults(root)).toEqual([]);
    expect(manifests(root).at(-1)?.peerDependencies['@mixerzoo/core']).toBe(`^${core}`); // the template of new mixers
  });

  it('are of 0.1.0 after the first release, that of the changesets there are', ({ skip }) => {
    const current = manifests(ROOT).filter(({ version }) => version !== '0.0.0');
    skip(
      current.some(({ name }) => name === '@mixerzoo/core'),
      'the first release was made',
    );
    const root = repository(
      'first',
      readdirSync(join(ROOT, '.changeset')).filter((file) => file.endsWith('.md')),
    );
    version(root);
    const released = [...versions(root)].filter(([name]) => !name.endsWith('/causal-mean'));
    expect(released.filter(([, each]) => each !== '0.1.0')).toEqual([]);
    expect(faults(root)).toEqual([]);
    for (const [index, directory] of DIRECTORIES.slice(0, -1).entries()) {
      const { files } = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'));
      expect(files, released[index]?.[0]).toContain('CHANGELOG.md');
      expect(readFileSync(join(root, directory, 'CHANGELOG.md'), 'utf8')).toMatch(/^## 0\.1\.0$/m);
    }
  });
});
