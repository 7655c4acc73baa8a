/**
 * `npm run check:packages`: what npm users get. Packs every package, installs each with core and the siblings it needs in
 * an empty project, and there type-checks and runs the examples of its README, and of the repository's. Types are checked
 * strictly and without `skipLibCheck`, for a browser and for Node. Then projects of each kind as `npm create mixerzoo` writes them.
 * Names as arguments narrow it to those packages, `create-mixerzoo` to these projects.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { transformSync } from 'esbuild';
import { CREATED, checkCreated, checkFound } from './created-projects.mjs';
import { ownTypeErrors, packPackages, run } from './packed-project.mjs';

const names = readdirSync('packages').filter((name) => name !== 'core');
const wanted = process.argv.slice(2);

/** What users write that once did not type-check, for a project with core and a mixer. */
const USER_CODE = `
import { type Mixer, type Tree, tf } from '@mixerzoo/core';
import { cat } from '@mixerzoo/cat';
export interface Params extends Tree { weight: tf.Tensor; bias?: tf.Tensor }
const mixer: Mixer = cat({ dModel: 32, nHeads: 2 });
const params = mixer.init(1);
const x = tf.randomNormal([4, 16, 32]); // TensorFlow.js types it without a rank
export const y: tf.Tensor3D = mixer.apply(params, x);
export const { state } = mixer.prefill(params, x);
export const next: tf.Tensor2D = mixer.step(params, tf.ones([4, 32]), state).y;
`;

const STRICT = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022' };
const SURROUNDINGS = {
  'a browser': { lib: ['es2023', 'dom', 'dom.iterable'], types: [] },
  Node: { lib: ['es2023'], types: ['node'] },
};
/** The examples of a README that run on their own: those that import, and start an engine or print. */
function examplesOf(readme) {
  return [...readFileSync(readme, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code]) => code)
    .filter((code) => code.startsWith('import') && /await useEngine\(|console\.log/.test(code));
}

/** An example with files is for Node alone. */
const importsNode = (file) => /from 'node:/.test(readFileSync(file, 'utf8'));

/** @throws Error unless a user's files and our declarations are right, on their own account. */
function typeCheck(project, files) {
  for (const [where, options] of Object.entries(SURROUNDINGS)) {
    const own = files.filter((file) => options.types.includes('node') || !importsNode(join(project, file)));
    if (own.length === 0) continue;
    const config = { compilerOptions: { ...STRICT, ...options }, files: own };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
    const tsc = spawnSync(resolve('node_modules/.bin/tsc'), ['-p', '.', '--pretty', 'false'], {
      cwd: project,
      encoding: 'utf8',
    });
    const errors = ownTypeErrors(tsc.stdout);
    if (errors.length > 0) throw new Error(`types in ${where}:\n${errors.join('\n')}`);
  }
}

/**
 * What `npm create mixerzoo` writes for a stranger, each kind of project, and that the command finds it once it is packed.
 * @throws Error with what the command that failed printed.
 */
function checkProjects() {
  const { tarballs } = packed;
  const stranger = packed.createProject('stranger', ['create-mixerzoo']);
  for (const created of CREATED) {
    const { kind, name, flags } = created;
    run('npx', ['create-mixerzoo', name, ...flags], stranger);
    const own = join(stranger, name);
    checkCreated(own, { tarballs });
    const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts'], own));
    const dependencies = {
      '@mixerzoo/bench': tarballs['@mixerzoo/bench'],
      [`mixerzoo-${name}`]: `file:${join(own, filename)}`,
    };
    checkFound(join(stranger, `${name}-host`), created, { dependencies, tarballs });
    console.log(
      `create-mixerzoo, ${kind}: installs alone, passes its tests, builds, trains, and is found where it is installed`,
    );
  }
}

const packed = packPackages();
let failures = 0;
for (const name of ['core', ...names].filter((candidate) => wanted.length === 0 || wanted.includes(candidate))) {
  // The repository's own example is of core and a mixer.
  const readmes = [join('packages', name, 'README.md'), ...(name === 'core' ? ['README.md'] : [])];
  const examples = readmes.flatMap(examplesOf);
  if (examples.length === 0) continue;
  const texts = [...examples, ...(name === 'cat' ? [USER_CODE] : [])];
  const used = Object.keys(packed.tarballs).filter(
    (id) => id === `@mixerzoo/${name}` || texts.some((code) => code.includes(`'${id}'`)),
  );
  try {
    const ids = [...new Set(['@mixerzoo/core', ...used])];
    const project = packed.createProject(name, ids, { '@types/node': '^20.19.0' });
    const files = texts.map((_, index) => `example-${index + 1}`);
    for (const [index, code] of texts.entries()) writeFileSync(join(project, `${files[index]}.mts`), code);
    typeCheck(
      project,
      files.map((file) => `${file}.mts`),
    );
    for (const [index, code] of examples.entries()) {
      const { code: script } = transformSync(code, { loader: 'ts', format: 'esm', target: 'es2022' });
      writeFileSync(join(project, `${files[index]}.mjs`), script);
      run(process.execPath, [`${files[index]}.mjs`], project);
    }
    const count = `${examples.length} example${examples.length === 1 ? '' : 's'}`;
    console.log(`@mixerzoo/${name}: installs alone, ${count} type-checked and ran`);
  } catch (error) {
    failures += 1;
    console.error(`@mixerzoo/${name}: ${error.message}`);
  }
}
if (wanted.length === 0 || wanted.includes('create-mixerzoo')) {
  try {
    checkProjects();
  } catch (error) {
    failures += 1;
    console.error(`create-mixerzoo: ${error.message}`);
  }
}
packed.remove();
process.exit(failures === 0 ? 0 : 1);
