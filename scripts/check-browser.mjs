/**
 * `npm run check:browser`: the packages as npm users get them, bundled by Vite (dev and build), webpack and esbuild after the
 * recipe of docs/engines.md, train in headless Chromium: from the page at the root, from a nested route and in a worker, in a
 * hidden tab and in a page that is isolated across origins. Skipped where there is no Chromium.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launchChromium, page, serveDirectory, within } from './browser-pages.mjs';
import { packPackages, run } from './packed-project.mjs';

const TOOLS = { vite: '^8.0.0', webpack: '^5.0.0', 'webpack-cli': '^6.0.0', esbuild: '^0.27.0' };
const WASM = '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const FILES = {
  'src/train.js': `
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
import { wasmUrl } from './wasm-url.js';
export async function train() {
  await useEngine('wasm', { wasmUrl });
  const trainer = await createTrainer({
    model: createLanguageModel({ vocabSize: 16, dModel: 16, layers: [{ sequenceMixer: cat({ dModel: 16, nHeads: 1 }) }] }),
    task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
    seed: 1, batchSize: 16, examplesPerEpoch: 320, epochs: 1, freshExamples: true, validationExamples: 16,
    optimizer: { learningRate: 2e-2 },
  });
  const losses = [];
  await trainer.runEpoch({ onStep: ({ loss }) => losses.push(loss) });
  return losses;
}
`,
  'src/wasm-url.js': `export const wasmUrl = new URL('${WASM}', import.meta.url);\n`,
  'src/page.js': `
import { useEngine } from '@mixerzoo/core';
import { train } from './train.js';
globalThis.trials = {
  page: train,
  worker: () => new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  }),
  lost: () => useEngine('wasm', { wasmUrl: '/nowhere.wasm' }).then(() => 'started', ({ message }) => message),
};
`,
  'src/worker.js': `
import { train } from './train.js';
train().then((losses) => postMessage(losses), (error) => postMessage(String(error)));
`,
  'src-esbuild/wasm-url.js': `import url from '${WASM}';\nexport const wasmUrl = new URL(url, location.origin);\n`,
  'index.html': page('/src/page.js'),
  'nested/route/index.html': page('/src/page.js'),
  'vite.config.js': `export default { worker: { format: 'es' }, build: { rollupOptions: { input: ['index.html', 'nested/route/index.html'] } } };\n`,
  'webpack.config.js': `export default { mode: 'production', entry: { page: './src/page.js' }, output: { path: import.meta.dirname + '/out-webpack', publicPath: '/' }, experiments: { outputModule: false }, optimization: { minimize: false }, performance: { hints: false } };\n`,
};
for (const name of ['train', 'page', 'worker']) FILES[`src-esbuild/${name}.js`] = FILES[`src/${name}.js`];

const browser = await launchChromium();
if (!browser) process.exit(0);

const packed = packPackages();
const ids = ['core', 'cat', 'tasks'].map((name) => `@mixerzoo/${name}`);
const project = packed.createProject('browser', ids, TOOLS);
for (const [file, text] of Object.entries(FILES)) {
  await mkdir(join(project, file, '..'), { recursive: true });
  writeFileSync(join(project, file), text);
}
let failures = 0;
try {
  await check('vite, build', () => bundle(['vite', 'build', '--outDir', 'out-vite', '--logLevel', 'warn'], 'out-vite'));
  await check('vite, dev', serveDev);
  await check('webpack', () => bundle(['webpack'], 'out-webpack', '/page.js'));
  const entries = ['src-esbuild/page.js', 'src-esbuild/worker.js'];
  const flags = [
    '--bundle',
    '--format=esm',
    '--outdir=out-esbuild',
    '--loader:.wasm=file',
    '--public-path=/',
    '--log-level=warning',
  ];
  await check('esbuild', () => bundle(['esbuild', ...entries, ...flags], 'out-esbuild', '/page.js'));
} finally {
  await browser.close();
  packed.remove();
}
process.exit(failures === 0 ? 0 : 1);

/** Serves a bundle, and runs every trial on it: a fresh page each, as a page has one engine. */
async function check(name, serve) {
  let server;
  try {
    server = await serve();
    const { origin } = server;
    const page = await trial(`${origin}/`, 'page');
    const same = {
      'nested route': await trial(`${origin}/nested/route/`, 'page'),
      worker: await trial(`${origin}/`, 'worker'),
      'worker of a nested route': await trial(`${origin}/nested/route/`, 'worker'),
      'hidden tab': await trial(`${origin}/`, 'page', () => {
        globalThis.requestAnimationFrame = () => 0;
      }),
    };
    if (server.isolated) same['isolated page'] = await trial(`${server.isolated}/`, 'page');
    if (!(page.length === 20 && page.every(Number.isFinite) && page[19] < page[0])) throw new Error(`page: ${page}`);
    for (const [where, losses] of Object.entries(same)) {
      if (String(losses) !== String(page)) throw new Error(`${where}: expected the losses of the page, got ${losses}`);
    }
    const message = await trial(`${origin}/`, 'lost');
    if (!/wasmUrl/.test(message) || !/nowhere\.wasm/.test(message)) throw new Error(`a lost file: got '${message}'`);
    console.log(
      `${name}: trains in ${['page', ...Object.keys(same)].join(', ')}; loss ${page[0].toFixed(4)} -> ${page[19].toFixed(4)}`,
    );
  } catch (error) {
    failures += 1;
    console.error(`${name}: ${error.message}`);
  } finally {
    await server?.close();
  }
}

async function trial(url, name, prepare) {
  const tab = await browser.newPage();
  try {
    if (prepare) await tab.addInitScript(prepare);
    await tab.goto(url, { waitUntil: 'load' });
    await tab.waitForFunction('globalThis.trials !== undefined', undefined, { timeout: 60_000 });
    return await within(60_000, tab.evaluate(`globalThis.trials.${name}()`), `${name} at ${url}`);
  } finally {
    await tab.close();
  }
}

/** Runs a bundler and serves what it wrote, plain and isolated. */
async function bundle(command, directory, script) {
  run('npx', command, project);
  const root = join(project, directory);
  const [plain, isolated] = [await serveDirectory(root, script), await serveDirectory(root, script, ISOLATED)];
  return {
    origin: plain.origin,
    isolated: isolated.origin,
    close: () => [plain, isolated].map(({ server }) => server.close()),
  };
}

/** Its address is read from what it prints, which has to be plain: where `CI` is set, Vite colours it for pipes too. */
async function serveDev() {
  const child = spawn('npx', ['vite', '--port', '0', '--host', '127.0.0.1'], {
    cwd: project,
    detached: true,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  const close = () => process.kill(-child.pid);
  let printed = '';
  const address = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        printed += data;
        const [found] = printed.match(/http:\/\/127\.0\.0\.1:\d+/) ?? [];
        if (found) resolve(found);
      });
    }
    child.on('exit', (code) => reject(new Error(`vite: exit code ${code}`)));
  });
  try {
    return { origin: await within(60_000, address, 'vite'), close };
  } catch (error) {
    if (child.exitCode === null) close();
    throw new Error(`${error.message}. It printed:\n${printed}`);
  }
}
