/** What `npm create mixerzoo` writes, held to what its user expects: it installs, passes, builds, trains, and is found elsewhere. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formsOf } from '../packages/create-mixerzoo/src/index.mjs';
import { run } from './packed-project.mjs';

/** A project of each kind: the flags that ask for it, and what the command lists it under. */
export const CREATED = [
  { kind: 'mixer', name: 'gated-mean', flags: [], list: 'mixers' },
  { kind: 'kernel', name: 'fading-mean', flags: ['--kernel'], list: 'mixers' },
  { kind: 'task', name: 'last-token', flags: ['--task'], list: 'tasks' },
];

const INSTALL = ['install', '--no-audit', '--no-fund', '--prefer-offline'];

/**
 * Installs a project, and runs all that its manifest offers.
 *
 * @param options.tarballs - our packages by name, where no registry has them; the manifest is the written one again afterwards.
 * @param options.env - variables of npm, such as the registry.
 * @throws Error with what the command that failed printed.
 */
export function checkCreated(project, { tarballs = {}, env } = {}) {
  const file = join(project, 'package.json');
  const written = readFileSync(file, 'utf8');
  if (Object.keys(tarballs).length > 0)
    writeFileSync(file, JSON.stringify(fromTarballs(JSON.parse(written), tarballs)));
  run('npm', INSTALL, project, env);
  for (const script of ['test', 'typecheck', 'build']) run('npm', ['run', script], project, env);
  run('npx', ['mixerzoo', 'validate', 'experiment.config.ts', '--engine', 'wasm'], project, env);
  writeFileSync(file, written);
}

/**
 * Installs a package beside the command, in a project that knows nothing else of it.
 *
 * @param host - the directory of that project, made here.
 * @param dependencies - the command and the package, by name.
 * @throws Error unless `mixerzoo list` shows what it brings, under its package.
 */
export function checkFound(host, { name, list }, { dependencies, tarballs = {}, env }) {
  mkdirSync(host);
  const manifest = { private: true, type: 'module', dependencies, overrides: tarballs };
  writeFileSync(join(host, 'package.json'), JSON.stringify(manifest));
  run('npm', INSTALL, host, env);
  const listed = JSON.parse(run('npx', ['mixerzoo', 'list', list, '--json'], host, env));
  const [, camel] = formsOf(name);
  const found = listed.find((part) => part.name === camel);
  if (found?.package !== `mixerzoo-${name}`) {
    throw new Error(`expected ${camel} of mixerzoo-${name} among the ${list}, got ${JSON.stringify(found)}`);
  }
}

/** A manifest whose packages of ours are tarballs. */
function fromTarballs(manifest, tarballs) {
  const taken = (dependencies = {}) =>
    Object.fromEntries(Object.entries(dependencies).map(([id, range]) => [id, tarballs[id] ?? range]));
  const { dependencies, devDependencies } = manifest;
  return {
    ...manifest,
    dependencies: taken(dependencies),
    devDependencies: taken(devDependencies),
    overrides: tarballs,
  };
}
