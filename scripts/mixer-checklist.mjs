/**
 * What a package with mixers has to have in this repository that no test of its own can see: the list that `check:mixer` goes
 * through. Everything that can be found is found (plugins, golden vectors, kernels, knip's list); this is what is left.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where cases of kernels stand, those of mixers' packages first. */
const KERNEL_CASES = ['benchmarks/mixer-kernel-cases.ts', 'benchmarks/core-kernel-cases.ts'];

/** Words of templates/mixer/README.md that are to be replaced. */
const PLACEHOLDERS = ['put the reference here', 'name it here'];

/**
 * @param root - of the repository.
 * @param name - of the package's folder.
 * @returns what is held, why it is not, if so, and what to do then.
 */
export function checkList(root, name) {
  const at = join(root, 'packages', name);
  const id = `@mixerzoo/${name}`;
  const read = (...path) => (existsSync(join(...path)) ? readFileSync(join(...path), 'utf8') : '');
  const manifest = JSON.parse(read(at, 'package.json') || '{}');
  const bench = JSON.parse(read(root, 'packages/bench/package.json') || '{}');
  const source = existsSync(join(at, 'src')) ? readdirSync(join(at, 'src'), { recursive: true }).map(String) : [];
  const kernels = source.filter((file) => basename(file) === 'kernel.as.ts');
  const tests = source.filter((file) => file.endsWith('.test.ts')).map((file) => read(at, 'src', file));
  const readme = read(at, 'README.md');
  const placeholders = PLACEHOLDERS.filter((words) => readme.includes(words));
  const index = read(at, 'src/index.ts');
  const untyped = configTypes(index).filter((type) => !new RegExp(`\\b${type}\\b`).test(index));
  const cases = KERNEL_CASES.map((file) => read(root, file)).join('');
  const changesets = existsSync(join(root, '.changeset'))
    ? readdirSync(join(root, '.changeset')).map((file) => read(root, '.changeset', file))
    : [];

  return [
    {
      what: 'package.json: a plugin, with core as a peer',
      fault:
        (!manifest.keywords?.includes('mixerzoo-plugin') && "no keyword 'mixerzoo-plugin'") ||
        (!manifest.peerDependencies?.['@mixerzoo/core'] && 'core is no peer dependency') ||
        (kernels.length > 0 && manifest.scripts?.kernels !== 'mixerzoo-kernels' && 'kernels that no script compiles'),
      mend: 'as templates/mixer/package.json; with kernels "kernels": "mixerzoo-kernels" in its scripts',
    },
    {
      what: 'tests: describeMixer, and describeOp where there are kernels',
      fault:
        (!tests.some((text) => text.includes('describeMixer(')) && 'no test calls describeMixer') ||
        (kernels.length > 0 && !tests.some((text) => text.includes('describeOp(')) && 'no test calls describeOp'),
      mend: "describeMixer('name', () => mixer({ dModel: 8 })) of @mixerzoo/core/testing in a test beside the source",
    },
    {
      what: "src/index.ts: the type of each mixer's options",
      fault: untyped.length > 0 && `no ${untyped.join(', ')}`,
      mend: 'export type GlaConfig = z.input<typeof glaSchema>, as packages/gla/src/gla.ts, and export it there',
    },
    {
      what: 'README.md: title, example that runs, paper, options',
      fault:
        (!readme.startsWith(`# ${id}\n`) && `its title is not '# ${id}'`) ||
        (!(readme.includes(`from '${id}'`) && readme.includes('await useEngine()')) && 'no example with useEngine') ||
        (!/arxiv|doi|paper|source/i.test(readme) && 'no paper') ||
        (placeholders.length > 0 && `the template's words '${placeholders.join("', '")}'`),
      mend: `packages/${name}/README.md, as packages/gla/README.md`,
    },
    {
      what: "README.md of the repository: a row of 'The zoo'",
      fault: !read(root, 'README.md').includes(`[${name}](packages/${name})`) && 'none',
      mend: `| [${name}](packages/${name}) | its mixers, in a line |`,
    },
    {
      what: 'the command installs it',
      fault: !bench.dependencies?.[id] && 'packages/bench/package.json does not depend on it',
      mend: `"${id}": "^${manifest.version}" among the dependencies there, then npm run lockfile`,
    },
    {
      what: 'bench:kernels measures its kernels',
      fault: kernels.length > 0 && !cases.includes(id) && `no case of ${id}`,
      mend: `a case in ${KERNEL_CASES[0]}`,
    },
    {
      what: 'a changeset, until its first release',
      fault: manifest.version === '0.0.0' && !changesets.some((text) => text.includes(`'${id}':`)) && 'none names it',
      mend: 'npm run changeset',
    },
  ].map(({ what, fault, mend }) => ({ what, mend, ...(fault && { fault }) }));
}

/** What the options of the mixers that a package lists are called: `GlaConfig` of `gla`. */
function configTypes(index) {
  const [, listed = ''] = /definePlugin\(\{\s*mixers:\s*\[([^\]]*)\]/.exec(index) ?? [];
  const names = listed.split(',').map((name) => name.trim().replace(/Mixer$/, ''));
  return names.filter((name) => name !== '').map((name) => `${name[0].toUpperCase()}${name.slice(1)}Config`);
}
