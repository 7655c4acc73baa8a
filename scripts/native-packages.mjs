/**
 * `node scripts/native-packages.mjs <builds> <out>`: the platform packages of @mixerzoo/native for a release. From every
 * `<platform>-<arch>.node` in <builds>, which the workflow `native` makes, a package `@mixerzoo/native-<platform>-<arch>` in <out>; their names
 * go to the `optionalDependencies` of packages/native, at its version. In the repository there are none: an install would ask the registry
 * for what is not published yet.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = 'packages/native';
const [builds, out] = process.argv.slice(2);
if (!builds || !out) {
  console.error('native-packages: expected a directory of builds and one to write to. See the head of the file.');
  process.exit(2);
}

const file = join(PACKAGE, 'package.json');
const manifest = JSON.parse(readFileSync(file, 'utf8'));
const { name, version, license, repository, engines, publishConfig } = manifest;
const optionalDependencies = {};
for (const build of readdirSync(builds).sort()) {
  const [, platform, arch] = /^(\w+)-(\w+)\.node$/.exec(build) ?? [];
  if (!platform) continue;
  const id = `${name}-${platform}-${arch}`;
  const directory = join(out, `native-${platform}-${arch}`);
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(builds, build), join(directory, 'native.node'));
  copyFileSync(join(PACKAGE, 'LICENSE'), join(directory, 'LICENSE'));
  writeFileSync(
    join(directory, 'README.md'),
    `# ${id}\n\nThe addon of [${name}](https://www.npmjs.com/package/${name}) for ${platform} on ${arch}.\n`,
  );
  const own = {
    ...{
      name: id,
      version,
      description: `The addon of ${name} for ${platform} on ${arch}.`,
      license,
      repository,
      engines,
    },
    ...{ os: [platform], cpu: [arch], ...(platform === 'linux' ? { libc: ['glibc'] } : {}) },
    ...{ main: './native.node', files: ['native.node'], publishConfig },
  };
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  optionalDependencies[id] = version;
  console.log(directory);
}
if (Object.keys(optionalDependencies).length === 0) {
  console.error(
    `native-packages: expected files <platform>-<arch>.node in ${builds}, got none. Run \`npm run kernels\` on each platform.`,
  );
  process.exit(1);
}
writeFileSync(file, `${JSON.stringify({ ...manifest, optionalDependencies }, null, 2)}\n`);
