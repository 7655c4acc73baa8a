/**
 * `npm run check:lockfile`: whether package-lock.json serves every system, not only the one it was written on. npm leaves
 * other systems' optional packages out where it finds node_modules (npm/cli#4828); an install elsewhere then lacks its
 * compilers (npm 10) or is refused (`npm ci` of npm 11). `npm run lockfile` writes a whole one.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SYSTEMS = ['darwin', 'linux', 'win32'].flatMap((os) => ['x64', 'arm64'].map((cpu) => ({ os, cpu })));

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const faults = Object.entries(packages).flatMap(([path, entry]) => [...missing(path, entry), ...hosts(path, entry)]);
const clone = manifestsAlone();
for (const system of SYSTEMS) faults.push(...dryInstall(system));
rmSync(clone, { recursive: true });
for (const fault of faults) console.error(`package-lock.json: ${fault}`);
if (faults.length > 0) console.error('Run `npm run lockfile`, and commit what it writes.');
else console.log(`package-lock.json installs on ${SYSTEMS.map(({ os, cpu }) => `${os}-${cpu}`).join(', ')}`);
process.exit(faults.length === 0 ? 0 : 1);

/** Optional dependencies that a locked package names and the lockfile lacks. */
function missing(path, { optionalDependencies = {} }) {
  const names = Object.keys(optionalDependencies).filter((name) => !find(path, name));
  return names.map(
    (name) => `expected an entry for ${name}, an optional dependency of ${path || 'the root'}, got none.`,
  );
}

/** Addresses of one registry, which another's users need not reach. */
function hosts(path, { resolved, link }) {
  return resolved && !link ? [`expected no address for ${path}, got ${resolved}.`] : [];
}

/** A directory as `npm ci` finds a fresh clone: what is installed here does not count. */
function manifestsAlone() {
  const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-lockfile-'));
  const workspaces = Object.values(packages).filter(({ link }) => link);
  const manifests = workspaces.map(({ resolved }) => join(resolved, 'package.json'));
  for (const file of ['package.json', 'package-lock.json', ...manifests]) cpSync(file, join(directory, file));
  return directory;
}

/** `npm ci` for a system: it must go through, and bring each native tool's build for it. */
function dryInstall({ os, cpu }) {
  const args = ['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--loglevel=notice', `--os=${os}`, `--cpu=${cpu}`];
  const run = spawnSync('npm', args, { cwd: clone, encoding: 'utf8', shell: process.platform === 'win32' });
  const where = `${os}-${cpu}`;
  if (run.status !== 0) return [`expected \`npm ${args.join(' ')}\` to succeed, got\n${run.stderr}`];
  const added = new Set([...run.stdout.matchAll(/^add (\S+) /gm)].map(([, name]) => name));
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) => {
    const builds = Object.keys(optionalDependencies).filter((name) => find(path, name)?.os);
    // One build alone is for the one system that needs it (fsevents).
    const served = builds.length < 2 || builds.some((name) => added.has(name) && fits(find(path, name), os, cpu));
    return served ? [] : [`expected a build of ${path} for ${where}, got none.`];
  });
}

function fits(entry, os, cpu) {
  return entry.os.includes(os) && (entry.cpu?.includes(cpu) ?? true);
}

/** The entry that a package at `path` gets by this name: the nearest node_modules upwards. */
function find(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    const entry = packages[at ? `${at}/node_modules/${name}` : `node_modules/${name}`];
    if (entry || !at) return entry;
  }
}
