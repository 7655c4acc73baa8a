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

function git(...args: string[]) {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: scratch, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

/** A release of a clone with these changesets. */
function release(bumps: Record<string, 'major' | 'minor' | 'patch'>) {
  const lines = Object.entries(bumps).map(([name, bump]) => `'@mixerzoo/${name}': ${bump}`);
  writeFileSync(join(scratch, '.changeset/change.md'), `---\n${lines.join('\n')}\n---\n\nA change.\n`);
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { cwd: scratch, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(readdirSync(join(scratch, '.changeset'))).toEqual(['config.json']);
  git('add', '-A');
  git('commit', '-qm', 'release');
}

describe('ranges between packages', () => {
  it('admit what was tried, and no breaking release', () => {
    expect(ranges(ROOT).length).toBeGreaterThan(40);
    expect(faults(ROOT)).toEqual([]);
  });

  it('hold over releases, whose versions stay below 1.0.0 until someone says so', () => {
    for (const file of [
      'package.json',
      '.changeset/config.json',
      ...DIRECTORIES.map((path) => join(path, 'package.json')),
    ]) {
      mkdirSync(dirname(join(scratch, file)), { recursive: true });
      if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(scratch, file));
    }
    git('init', '-q', '-b', 'main');
    git('add', '-A');
    git('commit', '-qm', 'manifests');

    const names = DIRECTORIES.filter((path) => path.startsWith('packages')).map(
      (path) => path.split(/[/\\]/)[1] as string,
    );
    release(Object.fromEntries(names.map((name) => [name, 'minor'])));
    const first = versions(scratch);
    const range = (name: string, of: string) =>
      ranges(scratch).find((each) => each.name === `@mixerzoo/${name}` && each.of === `@mixerzoo/${of}`)
        ?.range as string;
    const released = range('cat', 'attention');
    const next = (name: string, bump: 'minor' | 'patch') =>
      semver.inc(first.get(`@mixerzoo/${name}`) as string, bump) as string;
    expect(faults(scratch)).toEqual([]);

    release({ attention: 'minor' }); // breaks
    expect(versions(scratch).get('@mixerzoo/attention')).toBe(next('attention', 'minor'));
    expect(semver.satisfies(next('attention', 'minor'), released)).toBe(false); // cat as released keeps what it was tried with
    expect(range('cat', 'attention')).toBe(`^${next('attention', 'minor')}`);
    expect(versions(scratch).get('@mixerzoo/cat')).toBe(next('cat', 'patch'));
    expect(versions(scratch).get('@mixerzoo/mamba')).toBe(first.get('@mixerzoo/mamba'));
    expect(faults(scratch)).toEqual([]);

    const peer = range('mamba', 'core');
    release({ core: 'patch' });
    expect(range('mamba', 'core')).toBe(peer);
    expect(faults(scratch)).toEqual([]);

    release({ core: 'minor', attention: 'patch' }); // core breaks
    const core = next('core', 'minor');
    expect(semver.satisfies(core, peer)).toBe(false);
    for (const name of names.filter((each) => each !== 'core')) expect(range(name, 'core')).toBe(`^${core}`);
    expect(versions(scratch).get('@mixerzoo/mamba')).toBe(next('mamba', 'minor'));
    const majors = [...versions(scratch)].filter(
      ([name, version]) => semver.major(version) > semver.major(first.get(name) as string),
    );
    expect(majors).toEqual([]);
    expect(faults(scratch)).toEqual([]);
    expect(manifests(scratch).at(-1)?.peerDependencies['@mixerzoo/core']).toBe(`^${core}`); // the template of new mixers
  });
});
