import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { declarationsOf } from './check-api.mjs';

const SCRIPT = fileURLToPath(new URL('check-api.mjs', import.meta.url));
const RELEASED = 'declare const kept: number;\n\ninterface Options {\n    readonly width: number;\n}\n';
const GONE = 'interface Options {\n    readonly width: number;\n}\n';
const WIDER = RELEASED.replace('width: number;', 'width: number;\n    readonly depth?: number;');
const MORE = `${RELEASED}\ndeclare function fresh(): void;\n`;
const scratch = mkdtempSync(join(tmpdir(), 'mixerzoo-api-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function git(cwd: string, ...args: string[]) {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

/** A repository with a package that was released at this version, and what it exports now, with this changeset. */
function check(version: string, now: string, changeset?: { bump: string; text?: string }, tag = `lib@${version}`) {
  const root = mkdtempSync(join(scratch, 'repo-'));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  write('package.json', JSON.stringify({ name: 'root', private: true, workspaces: ['packages/*'] }));
  write('package-lock.json', '{}');
  write('.changeset/config.json', JSON.stringify({ baseBranch: 'main', access: 'public' }));
  write('packages/lib/package.json', JSON.stringify({ name: 'lib', version }));
  write('packages/lib/api/index.txt', RELEASED);
  git(root, 'init', '-q', '-b', 'main');
  git(root, 'add', '-A');
  git(root, 'commit', '-qm', 'released');
  git(root, 'tag', tag);
  write('packages/lib/api/index.txt', now);
  if (changeset) write('.changeset/one.md', `---\n'lib': ${changeset.bump}\n---\n\n${changeset.text ?? 'A change.'}\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], { cwd: root, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

describe('npm run check:api', () => {
  it('passes what exports the same', () => {
    expect(check('0.1.0', RELEASED)).toEqual({ status: 0, said: '1 packages: 0 faults\n' });
  });

  it.each([
    ['0.1.0', undefined, 1, /expected a changeset of a minor of lib since 0\.1\.0, got none: kept is gone/],
    ['0.1.0', 'patch', 1, /a minor of lib since 0\.1\.0, got patch: kept is gone/],
    ['0.1.0', 'minor', 0, /0 faults/],
    ['1.2.0', 'minor', 1, /a major of lib since 1\.2\.0, got minor: kept is gone/],
    ['1.2.0', 'major', 0, /0 faults/],
  ])('of %s holds the end of an export to a release that may break: %s', (version, bump, status, said) => {
    const checked = check(version, GONE, bump === undefined ? undefined : { bump });
    expect(checked.said).toMatch(said);
    expect(checked.status).toBe(status);
  });

  it('holds other words to the same, unless the changeset calls them compatible', () => {
    expect(check('0.1.0', WIDER, { bump: 'patch' }).said).toMatch(/got patch: Options reads otherwise/);
    const text = 'One more key.\n\nCompatible: `Options`.';
    expect(check('0.1.0', WIDER, { bump: 'patch', text })).toMatchObject({ status: 0 });
    expect(check('1.0.0', WIDER, { bump: 'patch', text }).said).toMatch(/a minor of lib since 1\.0\.0, got patch/);
    expect(check('0.1.0', GONE, { bump: 'patch', text: 'Compatible: kept' }).status).toBe(1); // what is gone is not
  });

  it('asks for a changeset of what is new', () => {
    expect(check('0.1.0', MORE).said).toMatch(/a patch of lib since 0\.1\.0, got none: fresh is new/);
    expect(check('0.1.0', MORE, { bump: 'patch' }).status).toBe(0);
    expect(check('1.0.0', MORE, { bump: 'patch' }).said).toMatch(/a minor of lib/);
  });

  it('asks for the tag of a release, and has nothing to hold before the first', () => {
    expect(check('0.1.0', RELEASED, undefined, 'other')).toMatchObject({ status: 1 });
    expect(check('0.1.0', RELEASED, undefined, 'other').said).toMatch(/expected the tag lib@0\.1\.0.*git fetch --tags/);
    expect(check('0.0.0', GONE)).toEqual({
      status: 0,
      said: 'not released yet, so nothing to break: lib\n1 packages: 0 faults\n',
    });
  });
});

describe('what packages export', () => {
  const packages = new URL('../packages/', import.meta.url);
  const reports = readdirSync(packages).flatMap((name) => {
    const directory = new URL(`${name}/api/`, packages);
    return existsSync(directory) ? readdirSync(directory).map((file) => new URL(file, directory)) : [];
  });

  // With it a better learning rate of a recipe were a change of the API.
  it('has no value that may be tuned in the type of a constant', () => {
    const tuned = reports.flatMap((file) =>
      [...declarationsOf(readFileSync(file, 'utf8'))]
        .filter(([, text]) => text.startsWith('declare const') && /: -?[\d.]+;|readonly \[-?\d|"[^"]*\\n/.test(text))
        .map(([name]) => `${file.pathname}: ${name}`),
    );
    expect(reports.length).toBeGreaterThan(20);
    expect(tuned).toEqual([]);
  });
});
