/**
 * `npm run check:mixer <name>`: what a mixer of the zoo has to pass, in a minute: its own tests, on one thread and on two, the
 * table of options, types, lint, build, the package as npm users get it, and the list of `mixer-checklist.mjs`. Prints what
 * fails, and how to mend it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { checkList } from './mixer-checklist.mjs';

/** Lines of a command's output that are shown when it fails. */
const MOST_LINES = 60;

const [name] = process.argv.slice(2);
if (!name || !existsSync(`packages/${name}/src`)) {
  console.error(`check:mixer: expected the name of a package, got '${name ?? ''}'. Example: npm run check:mixer gla`);
  process.exit(2);
}
const id = `@mixerzoo/${name}`;
let failures = 0;

const listed = node(
  '--conditions=@mixerzoo/source',
  '--import',
  'tsx',
  'packages/bench/src/cli.ts',
  'list',
  'mixers',
  '--json',
);
const mixers = listed.status === 0 ? JSON.parse(listed.stdout) : [];
const own = mixers.filter((mixer) => mixer.package === id).map((mixer) => mixer.name);
const twice = own.filter((mixer) => mixers.filter((other) => other.name === mixer).length > 1);
report(
  'the command finds its mixers, by names of their own',
  (own.length === 0 && `no mixer of ${id}.\n${listed.stderr}`) || (twice.length > 0 && `taken: ${twice.join(', ')}`),
  'export const plugin = definePlugin({ mixers: [...] }) in src/index.ts; npm install links the package',
);
for (const { what, fault, mend } of checkList('.', name)) report(what, fault, mend);

const suite = 'the message says where, and which option of the suite to change; contributing/mixer.md has them';
run('own tests', ['npx', 'vitest', 'run', '--project', name], suite);
run(
  'own tests on two threads',
  ['npx', 'vitest', 'run', '--project', name],
  'units of a kernel share memory, or sum by pieces',
  {
    MIXERZOO_THREADS: '2',
  },
);
const tables = ['packages/bench/src/options.test.ts', '-t', `^(${own.join('|')}) `];
run(
  'options: described, and in the README with their defaults',
  ['npx', 'vitest', 'run', ...tables],
  `the table of packages/${name}/README.md`,
);
// After the tests, which compile what kernels there are.
run('types', ['npx', 'tsc', '-p', `packages/${name}/tsconfig.json`], 'what tsc says');
run('lint', ['npx', 'biome', 'check', `packages/${name}`], 'npm run format repairs what it can');
const turbo = ['scripts/turbo.mjs', 'run', 'build', 'publint', `--filter=${id}`, '--output-logs=errors-only'];
run(
  'build and publint',
  ['node', ...turbo],
  'the package as npm users get it: exports, types, descriptions of options',
);

console.log(failures === 0 ? `\n${id} has all of it.` : `\n${failures} to mend.`);
process.exit(failures === 0 ? 0 : 1);

function node(...args) {
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

/** A command whose output matters only if it fails. */
function run(what, [command, ...args], mend, environment = {}) {
  const env = { ...process.env, NO_COLOR: '1', ...environment };
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env,
    shell: process.platform === 'win32',
  });
  const lines = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n').filter((line) => line.trim() !== '');
  const first = Math.max(
    0,
    lines.findIndex((line) => / FAIL |error/.test(line)),
  );
  report(what, status !== 0 && `\n${lines.slice(first, first + MOST_LINES).join('\n')}`, mend);
}

function report(what, fault, mend) {
  console.log(fault ? `FAIL  ${what}: ${fault}\n      mend: ${mend}` : `ok    ${what}`);
  if (fault) failures += 1;
}
