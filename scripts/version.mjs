/**
 * `npm run version:packages`: `changeset version`, for packages that share core as a peer.
 *
 * A mixer's peer is a caret: `^0.1.0` leaves a breaking 0.2.0 of core out. changesets answers a peer that leaves its
 * range with a major of every dependent, which below 1.0.0 would make each mixer 1.0.0 whenever core breaks. So what a
 * breaking core calls for is written as a changeset here (below 1.0.0 a minor), changesets sees peers without bounds, and
 * the carets are set after it. A release of what new projects name is one of `create-mixerzoo` too, whose build holds the versions.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import getReleasePlan from '@changesets/get-release-plan';
import semver from 'semver';

const CORE = '@mixerzoo/core';
const CHANGESET = createRequire(import.meta.url).resolve('@changesets/cli/bin.js');
const root = process.cwd();
const CREATOR = join('packages', 'create-mixerzoo');

const directories = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
const dependents = directories.filter((directory) => coreRange(read(directory)));
const peers = dependents.filter((directory) => read(directory).peerDependencies?.[CORE]);
const before = new Map(dependents.map((directory) => [directory, read(directory)]));

const { releases } = await getReleasePlan(root);
// `npm create mixerzoo` names versions of these in what it writes.
const named = ['core', 'bench', 'tasks'].map((name) => `@mixerzoo/${name}`);
if (directories.includes(CREATOR) && releases.some(({ name }) => named.includes(name))) {
  const { name } = read(CREATOR);
  const text = `---\n'${name}': patch\n---\n\nNew projects name the versions of this release.\n`;
  writeFileSync(join(root, '.changeset/new-projects.md'), text);
}
const core = releases.find(({ name }) => name === CORE)?.newVersion ?? read('packages/core').version;
const left = [...before.values()].filter((manifest) => !semver.satisfies(core, coreRange(manifest)));
if (left.length > 0) {
  const bumps = left.map(({ name, version }) => `'${name}': ${semver.major(version) > 0 ? 'major' : 'minor'}`);
  const text = `---\n${bumps.join('\n')}\n---\n\nFor ${CORE} ${core}.\n`;
  writeFileSync(join(root, '.changeset/core-left-its-range.md'), text);
}
for (const directory of peers) writePeer(directory, '>=0.0.0');
const { status } = spawnSync(process.execPath, [CHANGESET, 'version'], { cwd: root, stdio: 'inherit' });
for (const directory of peers) {
  const old = before.get(directory);
  // A package that is released names the core it was tested with.
  const released = read(directory).version !== old.version;
  writePeer(directory, released ? `^${core}` : old.peerDependencies[CORE]);
}
if (status === 0) writePeer('templates/mixer', `^${core}`);
process.exit(status ?? 1);

function coreRange({ dependencies, peerDependencies }) {
  return peerDependencies?.[CORE] ?? dependencies?.[CORE];
}

function read(directory) {
  return JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'));
}

function writePeer(directory, range) {
  const manifest = read(directory);
  manifest.peerDependencies[CORE] = range;
  writeFileSync(join(root, directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
