/** The repository as a release finds it: a copy of the built packages, with the versions that the changesets give. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { run } from './packed-project.mjs';

const CHANGESET = createRequire(import.meta.url).resolve('@changesets/cli/bin.js');
/** Every package has to bring these. */
const PACKED = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];

/**
 * Copies and versions.
 *
 * @param root - a directory, made here.
 * @returns the public packages: name, version, directory.
 * @throws Error where versioning fails, or a package would be published without its changelog, licence or readme.
 */
export function versionedCopy(root) {
  mkdirSync(root);
  for (const file of ['package.json', '.changeset', 'templates']) cpSync(file, join(root, file), copying);
  for (const folder of ['packages', 'apps'].filter((name) => existsSync(name)))
    cpSync(folder, join(root, folder), copying);
  const identity = ['-c', 'user.name=release', '-c', 'user.email=release@localhost'];
  run('git', ['init', '-q', '-b', 'main'], root);
  run(process.execPath, [resolve('scripts/version.mjs')], root);
  run(process.execPath, [join(root, 'packages/create-mixerzoo/scripts/bundle.mjs')], root); // it holds versions
  run('git', ['add', 'package.json', '.changeset'], root);
  run('git', [...identity, 'commit', '-qm', 'release'], root);
  const packages = readdirSync(join(root, 'packages')).flatMap((folder) => {
    const directory = join(root, 'packages', folder);
    const { name, version, private: own } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return own ? [] : [{ name, version, directory }];
  });
  const packed = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--workspaces'], root));
  for (const { name } of packages) {
    const files = packed.find((one) => one.name === name)?.files.map(({ path }) => path) ?? [];
    const missing = PACKED.filter((file) => !files.includes(file));
    if (missing.length > 0) throw new Error(`${name}: expected ${missing.join(', ')} among what is packed, got none`);
  }
  return packages;
}

const copying = { recursive: true, filter: (path) => !/[\\/](node_modules|\.turbo|objects-\w+)$/.test(path) };

/**
 * Publishes a copy, as the workflow `release` does: the addons of the platforms that are built here first.
 * @returns the addons' packages.
 * @throws Error with what npm or changesets printed.
 */
export function publishCopy(root, env) {
  const builds = join(root, 'packages/native/build');
  const addons = existsSync(builds) && readdirSync(builds).some((file) => file.endsWith('.node'));
  const published = [];
  if (addons) {
    run(process.execPath, [resolve('scripts/native-packages.mjs'), builds, join(root, 'packages-native')], root);
    for (const folder of readdirSync(join(root, 'packages-native'))) {
      run('npm', ['publish', '--access', 'public'], join(root, 'packages-native', folder), env);
      published.push(`@mixerzoo/${folder}`);
    }
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [CHANGESET, 'publish'], {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  if (status !== 0) throw new Error(`changeset publish failed.\n${stdout}\n${stderr}`);
  return published;
}

/** A project with these files, made here. */
export function writeProject(directory, files) {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(directory, file, '..'), { recursive: true });
    writeFileSync(join(directory, file), typeof text === 'string' ? text : JSON.stringify(text, null, 2));
  }
}
