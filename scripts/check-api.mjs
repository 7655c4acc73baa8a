/**
 * `npm run check:api`: what each package exports, in `packages/<name>/api` (`npm run api -- --check` holds it to the build), beside
 * what its last release did, at the tag `<package>@<version>`. A name that is gone, or that is declared in other words, asks for a
 * changeset of a release that may break: a minor below 1.0.0, a major from there on; a new name asks for one at all. Where other words
 * break nothing that was written before, as one more optional key, the changeset says it, in a line `Compatible: someName, other`.
 * docs/contract.md is the policy.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import getReleasePlan from '@changesets/get-release-plan';
import semver from 'semver';

const RANK = { none: 0, patch: 1, minor: 2, major: 3 };

/** The declarations of a report of `npm run api`, by name. */
export function declarationsOf(report) {
  const declarations = report.trim() === '' ? [] : report.trim().split('\n\n');
  return new Map(
    declarations.map((text) => {
      const [, name] =
        /^(?:export )?(?:declare )?(?:abstract )?(?:class|const|enum|function|interface|let|namespace|type) ([\w$]+)/.exec(
          text,
        ) ??
        /^([\w$]+)/.exec(text) ??
        [];
      return [name ?? text, text];
    }),
  );
}

/** What differs between two maps of declarations: names that are gone, that read otherwise, that are new. */
export function changesBetween(before, after) {
  return {
    gone: [...before.keys()].filter((name) => !after.has(name)),
    other: [...before].filter(([name, text]) => after.has(name) && after.get(name) !== text).map(([name]) => name),
    more: [...after.keys()].filter((name) => !before.has(name)),
  };
}

/** The least bump that such changes ask for: `none`, `patch`, `minor` or `major`. */
export function bumpOf({ gone, other, more }, version) {
  const released = semver.major(version) > 0;
  if (gone.length + other.length > 0) return released ? 'major' : 'minor';
  return more.length > 0 ? (released ? 'minor' : 'patch') : 'none';
}

/** Names that the changesets of a package call compatible. */
export function compatibleNames(changesets, name) {
  const own = changesets.filter(({ releases }) => releases.some((release) => release.name === name));
  const lines = own.flatMap(({ summary }) => summary.match(/^Compatible: .*$/gm) ?? []);
  return lines.flatMap((line) => line.slice('Compatible: '.length).match(/[\w$]+/g) ?? []);
}

/** The report of a face at a tag; undefined where the tag is unknown, empty where the face was not there. */
function releasedReports(tag, directory) {
  const git = (...args) => spawnSync('git', args, { encoding: 'utf8', maxBuffer: 2 ** 27 });
  if (git('rev-parse', '--verify', '--quiet', `refs/tags/${tag}`).status !== 0) return undefined;
  const { stdout } = git('ls-tree', '--name-only', tag, `${directory}/`);
  const files = stdout.split('\n').filter((path) => path.endsWith('.txt'));
  return new Map(files.map((path) => [path.split('/').at(-1), git('show', `${tag}:${path}`).stdout]));
}

/** @returns faults of a package, each a line. */
function faultsOf(directory, plan) {
  const { name, version, private: own } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  if (own) return [];
  if (version === '0.0.0') {
    unreleased.push(name);
    return [];
  }
  const api = `${directory.replaceAll('\\', '/')}/api`;
  const before = releasedReports(`${name}@${version}`, api);
  if (before === undefined)
    return [`${name}: expected the tag ${name}@${version} of its release, got none. git fetch --tags`];
  const files = existsSync(api) ? readdirSync(api) : [];
  const bump = plan.releases.find((release) => release.name === name)?.type ?? 'none';
  const compatible = compatibleNames(plan.changesets, name);
  return [...new Set([...before.keys(), ...files])].flatMap((file) => {
    const now = files.includes(file) ? readFileSync(join(api, file), 'utf8') : '';
    const changes = changesBetween(declarationsOf(before.get(file) ?? ''), declarationsOf(now));
    const breaking = { ...changes, other: changes.other.filter((each) => !compatible.includes(each)) };
    const additions = { gone: [], other: [], more: [...changes.more, ...changes.other] };
    const least = [bumpOf(breaking, version), bumpOf(additions, version)].sort((a, b) => RANK[b] - RANK[a])[0];
    if (RANK[bump] >= RANK[least]) return [];
    const words = [
      ...breaking.gone.map((each) => `${each} is gone`),
      ...breaking.other.map((each) => `${each} reads otherwise`),
      ...changes.more.map((each) => `${each} is new`),
    ];
    return [
      `${api}/${file}: expected a changeset of a ${least} of ${name} since ${version}, got ${bump}: ${words.join(', ')}. ` +
        'Write it with `npm run changeset`, or keep the old name (docs/contract.md).',
    ];
  });
}

const unreleased = [];
if (process.argv[1] === import.meta.filename) {
  const plan = await getReleasePlan(process.cwd());
  const directories = readdirSync('packages').map((name) => join('packages', name));
  const faults = directories.flatMap((directory) => faultsOf(directory, plan));
  for (const fault of faults) console.error(fault);
  if (unreleased.length > 0) console.log(`not released yet, so nothing to break: ${unreleased.join(', ')}`);
  console.log(`${directories.length} packages: ${faults.length} faults`);
  process.exit(faults.length === 0 ? 0 : 1);
}
