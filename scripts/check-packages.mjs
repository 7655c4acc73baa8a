/**
 * `npm run check:packages`: what npm users get. Packs every package, installs each with core and the siblings it needs in
 * an empty project, and there type-checks (strictly) and runs the examples of its README, and of the repository's.
 * Names as arguments narrow it to those packages.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { transformSync } from 'esbuild';

const names = readdirSync('packages').filter((name) => name !== 'core');
const wanted = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'mixerzoo-packages-'));

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed.\n${stdout}\n${stderr}`);
  return stdout;
}

/** The examples of a README that run on their own: those that import, and start an engine or print. */
function examplesOf(readme) {
  return [...readFileSync(readme, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code]) => code)
    .filter((code) => code.startsWith('import') && /await useEngine\(|console\.log/.test(code));
}

/** A project without Node's types. TensorFlow.js's declarations and TypeScript's both declare WebGPU, hence `skipLibCheck`. */
const TSCONFIG = {
  compilerOptions: { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', types: [], skipLibCheck: true },
};

const tarballs = {};
for (const name of ['core', ...names]) {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--pack-destination', work], resolve('packages', name)),
  );
  tarballs[`@mixerzoo/${name}`] = `file:${join(work, filename)}`;
}

let failures = 0;
for (const name of ['core', ...names].filter((candidate) => wanted.length === 0 || wanted.includes(candidate))) {
  // The repository's own example is of core and a mixer.
  const readmes = [join('packages', name, 'README.md'), ...(name === 'core' ? ['README.md'] : [])];
  const examples = readmes.flatMap(examplesOf);
  if (examples.length === 0) continue;
  const project = join(work, name);
  mkdirSync(project);
  const used = Object.keys(tarballs).filter(
    (id) => id === `@mixerzoo/${name}` || examples.some((code) => code.includes(`'${id}'`)),
  );
  const dependencies = Object.fromEntries(['@mixerzoo/core', ...used].map((id) => [id, tarballs[id]]));
  // Siblings that a package depends on come from the tarballs too.
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies, overrides: tarballs }, null, 2),
  );
  try {
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], project);
    const files = examples.map((_, index) => join(project, `example-${index + 1}`));
    for (const [index, code] of examples.entries()) writeFileSync(`${files[index]}.mts`, code);
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    run(resolve('node_modules/.bin/tsc'), ['-p', project], project);
    for (const [index, code] of examples.entries()) {
      const { code: script } = transformSync(code, { loader: 'ts', format: 'esm', target: 'es2022' });
      writeFileSync(`${files[index]}.mjs`, script);
      run(process.execPath, [`${files[index]}.mjs`], project);
    }
    const count = `${examples.length} example${examples.length === 1 ? '' : 's'}`;
    console.log(`@mixerzoo/${name}: installs alone, ${count} type-checked and ran`);
  } catch (error) {
    failures += 1;
    console.error(`@mixerzoo/${name}: ${error.message}`);
  }
}
rmSync(work, { recursive: true, force: true });
process.exit(failures === 0 ? 0 : 1);
