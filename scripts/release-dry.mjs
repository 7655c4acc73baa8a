/**
 * `npm run release:dry`: a release without one. The built packages get the versions of their changesets, are packed and published to
 * a registry on this machine that is thrown away, and installed from it in fresh projects of all kinds, each of which does a forward
 * pass of CAT; all have to give the same numbers but for rounding. Then a project of `npm create mixerzoo` is published beside them, and found by the
 * command. Names as arguments narrow it: `npm run release:dry -- esm vite`. What a machine lacks is skipped, with the reason.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchChromium, page, serveDirectory, within } from './browser-pages.mjs';
import { CREATED, checkCreated, checkFound } from './created-projects.mjs';
import { startRegistry } from './local-registry.mjs';
import { ownTypeErrors, run } from './packed-project.mjs';
import { publishCopy, versionedCopy, writeProject } from './release-copy.mjs';

const PASS = `
  await useEngine('wasm'ENGINE);
  const mixer = cat({ dModel: 8, nHeads: 2 });
  const y = mixer.apply(mixer.init(1), tf.linspace(-1, 1, 32).reshape([1, 4, 8]));
  const numbers = Array.from(await y.data());`;
const IMPORTS = "import { cat } from '@mixerzoo/cat';\nimport { tf, useEngine } from '@mixerzoo/core';\n";
const ESM = `${IMPORTS}${PASS.replace('ENGINE', '')}\nconsole.log(JSON.stringify(numbers));\n`;
const COMMONJS = `
const { cat } = require('@mixerzoo/cat');
const { tf, useEngine } = require('@mixerzoo/core');
async function main() {${PASS.replace('ENGINE', '')}
  console.log(JSON.stringify(numbers));
}
main();
`;
const TYPED = `
import { cat } from '@mixerzoo/cat';
import { type Mixer, tf, useEngine } from '@mixerzoo/core';
${PASS.replace('ENGINE', '').replace('const mixer =', 'const mixer: Mixer =').replace('const y =', 'const y: tf.Tensor3D =')}
console.log(JSON.stringify(numbers));
`;
const PAGE = `
${IMPORTS}
const wasmUrl = new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm', import.meta.url);
globalThis.forward = async () => {${PASS.replace('ENGINE', ', { wasmUrl }')}
  return numbers;
};
`;
const TSCONFIG = {
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    outDir: 'dist',
    types: ['node'],
  },
  files: ['main.mts'],
};
const WEBPACK = `export default { mode: 'production', entry: './main.js', output: { path: import.meta.dirname + '/dist', publicPath: '/' }, performance: { hints: false } };\n`;

/** What is tried; each gives the numbers of the forward pass, or nothing where the machine cannot try it. */
const TRIALS = {
  esm: () => printed(install('esm', { 'main.mjs': ESM }), process.execPath, ['main.mjs']),
  commonjs: () => printed(install('commonjs', { 'main.cjs': COMMONJS }), process.execPath, ['main.cjs']),
  'typescript-5': () => typescript('typescript-5', '^5.9.0'),
  'typescript-7': () => typescript('typescript-7', '^7.0.0'),
  vite: () => {
    const project = install('vite', { 'main.js': PAGE, 'index.html': page('/main.js') }, { vite: '^8.0.0' });
    run('npx', ['vite', 'build', '--logLevel', 'warn'], project, registry.env);
    return inBrowser(join(project, 'dist'));
  },
  webpack: () => {
    const files = { 'main.js': PAGE, 'webpack.config.js': WEBPACK };
    const project = install('webpack', files, { webpack: '^5.0.0', 'webpack-cli': '^6.0.0' });
    run('npx', ['webpack'], project, registry.env);
    return inBrowser(join(project, 'dist'), '/main.js');
  },
  // What is a minute old is too new for it otherwise.
  deno: () => otherRuntime('deno', ['install', '--minimum-dependency-age=0'], ['run', '--allow-all', 'main.mjs']),
  bun: () => otherRuntime('bun', ['install'], ['run', 'main.mjs']),
};

const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
const unknown = wanted.filter((name) => !(name in TRIALS) && name !== 'create');
if (unknown.length > 0) {
  console.error(
    `release:dry: expected names of ${[...Object.keys(TRIALS), 'create'].join(', ')}, got ${unknown.join(', ')}`,
  );
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'mixerzoo-release-'));
let registry;
let failures = 0;
try {
  const copy = join(work, 'copy');
  const packages = versionedCopy(copy);
  console.log(`versions: ${packages.map(({ name, version }) => `${name} ${version}`).join(', ')}`);
  registry = await startRegistry(join(work, 'registry'));
  const addons = publishCopy(copy, registry.env);
  console.log(
    `published to ${registry.url}: ${packages.length} packages, addons: ${addons.join(', ') || 'none is built here'}`,
  );
  const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]));

  let reference;
  for (const name of Object.keys(TRIALS).filter(isWanted)) {
    await attempt(name, async () => {
      const numbers = await TRIALS[name]();
      if (numbers === undefined) return;
      reference ??= numbers;
      if (!(numbers.length === 32 && numbers.every(Number.isFinite)))
        throw new Error(`expected 32 numbers, got ${numbers}`);
      // Products of relaxed SIMD round as the machine code of each runtime does.
      const scale = Math.max(...reference.map(Math.abs));
      if (numbers.some((number, at) => Math.abs(number - reference[at]) > 1e-5 * scale))
        throw new Error(`expected ${reference}, got ${numbers}`);
      console.log(
        `${name}: installs, and its forward pass gives ${numbers[0].toFixed(6)}, ${numbers[1].toFixed(6)}, …`,
      );
    });
  }
  if (isWanted('create')) await attempt('create', () => createAndPublish(versions));
} catch (error) {
  failures += 1;
  console.error(`release:dry: ${error.message}`);
} finally {
  registry?.stop();
  rmSync(work, { recursive: true, force: true });
}
process.exit(failures === 0 ? 0 : 1);

async function attempt(name, trial) {
  try {
    await trial();
  } catch (error) {
    failures += 1;
    console.error(`${name}: ${error.message}`);
  }
}

/** A fresh project with core, cat and these tools from the registry. */
function install(name, files, tools = {}) {
  const project = join(work, name);
  const dependencies = { '@mixerzoo/cat': 'latest', '@mixerzoo/core': 'latest' };
  writeProject(project, {
    ...files,
    'package.json': { private: true, type: 'module', dependencies, devDependencies: tools },
  });
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], project, registry.env);
  return project;
}

/** The numbers that a program prints. */
function printed(project, command, args, env = registry.env) {
  return JSON.parse(run(command, args, project, env));
}

function typescript(name, range) {
  const files = { 'main.mts': TYPED, 'tsconfig.json': TSCONFIG };
  const project = install(name, files, { typescript: range, '@types/node': '^20.19.0' });
  console.log(`${name}: ${run('npx', ['tsc', '--version'], project).trim()}`);
  const errors = ownTypeErrors(
    spawnSync('npx', ['tsc', '-p', '.', '--pretty', 'false'], { cwd: project, encoding: 'utf8' }).stdout,
  );
  if (errors.length > 0) throw new Error(`types:\n${errors.join('\n')}`);
  return printed(project, process.execPath, ['dist/main.mjs']);
}

/** What a bundle computes in Chromium. */
async function inBrowser(directory, script) {
  const browser = await launchChromium();
  if (!browser) return undefined;
  const { close, origin } = await serveDirectory(directory, script);
  try {
    const tab = await browser.newPage();
    await tab.goto(`${origin}/`, { waitUntil: 'load' });
    await tab.waitForFunction('globalThis.forward !== undefined', undefined, { timeout: 60_000 });
    return await within(60_000, tab.evaluate('globalThis.forward()'), origin);
  } finally {
    await browser.close();
    close();
  }
}

/** Deno or Bun, whose binary npm has: installs by its own means, from the registry. */
function otherRuntime(name, installing, running) {
  const tools = join(work, `${name}-tools`);
  writeProject(tools, { 'package.json': { private: true } });
  try {
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', name], tools, registry.env);
    console.log(`${name}: ${run('npx', [name, '--version'], tools).split('\n')[0]}`);
  } catch (error) {
    console.log(`${name}: skipped, npm has no binary of it for this machine (${error.message.split('\n')[0]})`);
    return undefined;
  }
  const project = join(work, name);
  const dependencies = { '@mixerzoo/cat': 'latest', '@mixerzoo/core': 'latest' };
  writeProject(project, {
    'main.mjs': ESM,
    'package.json': { private: true, type: 'module', dependencies },
    '.npmrc': `registry=${registry.url}\n`,
  });
  const env = {
    ...registry.env,
    NPM_CONFIG_REGISTRY: registry.url,
    DENO_DIR: join(work, 'deno-dir'),
    BUN_INSTALL_CACHE_DIR: join(work, 'bun-cache'),
  };
  const binary = join(tools, 'node_modules/.bin', name);
  run(binary, installing, project, env);
  return printed(project, binary, running, env);
}

/** `npm create mixerzoo`, and what becomes of the package that it writes. */
function createAndPublish(versions) {
  const created = CREATED.find(({ kind }) => kind === 'kernel');
  const { name, flags } = created;
  // npx keeps what it has run by name and version: a cache of its own, or it is that of an earlier trial.
  const env = { ...registry.env, npm_config_cache: join(work, 'create-cache') };
  const directory = join(work, 'create');
  writeProject(directory, { 'package.json': { private: true } });
  run('npm', ['create', '--yes', 'mixerzoo@latest', name, '--', ...flags], directory, env);
  const own = join(directory, name);
  checkCreated(own, { env: registry.env });
  run('npm', ['publish', '--ignore-scripts'], own, registry.env);
  const dependencies = { '@mixerzoo/bench': versions['@mixerzoo/bench'], [`mixerzoo-${name}`]: '0.0.0' };
  checkFound(join(work, 'create-host'), created, { dependencies, env: registry.env });
  console.log(
    'create: npm create mixerzoo writes a package that passes, builds, trains, is published, and is found by the command',
  );
}
