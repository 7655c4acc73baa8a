/**
 * `npm run check:browser`: the packages as npm users get them, in a project of the files of docs/in-the-browser.md, bundled by Vite
 * (dev and build), webpack and esbuild, train in headless Chromium: from the page at the root, from a nested route and in a
 * worker, in a hidden tab and in a page that is isolated across origins; and from the plain page. All with the same losses.
 * Skipped where there is no Chromium.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { launchChromium, page, serveDirectory, within } from './browser-pages.mjs';
import { packPackages, run } from './packed-project.mjs';

const TOOLS = { vite: '^8.0.0', webpack: '^5.0.0', 'webpack-cli': '^6.0.0', esbuild: '^0.27.0' };
const WASM = '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const DOCUMENTED = documented(readFileSync('docs/in-the-browser.md', 'utf8'));
/** Files of the page, by the name in their first line. */
const FILES = {
  ...DOCUMENTED,
  'src/page.js': `
import { useEngine } from '@mixerzoo/core';
import { trainInWorker } from './in-worker.js';
import { train } from './train.js';
globalThis.trials = {
  async page() {
    const losses = [];
    await train((loss) => losses.push(loss));
    return losses;
  },
  worker: trainInWorker,
  lost: () => useEngine('wasm', { wasmUrl: '/nowhere.wasm' }).then(() => 'started', ({ message }) => message),
};
`,
  'index.html': page('/src/page.js'),
  'nested/route/index.html': page('/src/page.js'),
  // The page's own entry, which nobody calls here, has to build too.
  'own.html': DOCUMENTED['index.html'],
  'vite.config.js': `export default { worker: { format: 'es' }, build: { rollupOptions: { input: ['index.html', 'nested/route/index.html', 'own.html'] } } };\n`,
  'webpack.config.js': `export default { mode: 'production', entry: { page: './src/page.js', main: './src/main.js' }, output: { path: import.meta.dirname + '/out-webpack', publicPath: '/' }, experiments: { outputModule: false }, optimization: { minimize: false }, performance: { hints: false } };\n`,
};
for (const name of ['train', 'main', 'page', 'worker', 'in-worker'])
  FILES[`src-esbuild/${name}.js`] = FILES[`src/${name}.js`];

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
/** The losses of the first page, as text: one training everywhere. */
let first;
try {
  await check('vite, build', () => bundle(['vite', 'build', '--outDir', 'out-vite', '--logLevel', 'warn'], 'out-vite'));
  await check('vite, dev', serveDev);
  await check('webpack', () => bundle(['webpack'], 'out-webpack', '/page.js'));
  const flags = commandOf('npx esbuild src-esbuild/main.js ');
  const entries = ['page', 'main', 'worker'].map((name) => `src-esbuild/${name}.js`);
  await check('esbuild', () =>
    bundle(['esbuild', ...entries, ...flags, '--log-level=warning'], 'out-esbuild', '/page.js'),
  );
  await checkPlain();
} finally {
  await browser.close();
  packed.remove();
}
process.exit(failures === 0 ? 0 : 1);

/** The files of a document: blocks whose first line is a comment with a path. */
function documented(text) {
  const blocks = text.matchAll(/^```(?:js|html)\n(?:\/\/ |<!-- )(\S+)(?: -->)?\n([\s\S]*?)^```/gm);
  return Object.fromEntries([...blocks].map(([, file, code]) => [file, code]));
}

/** The words after `npx` of the document's command that begins like this. */
function commandOf(beginning) {
  const line = readFileSync('docs/in-the-browser.md', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(beginning));
  if (!line) throw new Error(`docs/in-the-browser.md: expected a command '${beginning}…', got none.`);
  return line.slice(beginning.length).trim().split(' ');
}

/** The plain page: its commands, and what the page that any server serves comes to. */
async function checkPlain() {
  let server;
  try {
    run('npx', ['esbuild', 'plain/zoo.js', ...commandOf('npx esbuild plain/zoo.js '), '--log-level=warning'], project);
    for (const file of [`node_modules/${WASM}`, 'plain/index.html']) {
      copyFileSync(join(project, file), join(project, 'out-plain', basename(file)));
    }
    server = await serveDirectory(join(project, 'out-plain'));
    const tab = await browser.newPage();
    await tab.goto(`${server.origin}/`, { waitUntil: 'load' });
    await tab.waitForFunction('globalThis.losses?.length === 20', undefined, { timeout: 60_000 });
    assertLearns(await tab.evaluate('globalThis.losses'));
    await tab.waitForFunction(`document.querySelector('#line').textContent.startsWith('loss ')`);
    await tab.close();
    console.log('plain page: trains');
  } catch (error) {
    failures += 1;
    console.error(`plain page: ${error.message}`);
  } finally {
    await server?.close();
  }
}

/** @throws Error unless losses fall, and are those of the pages before. */
function assertLearns(losses) {
  if (!(losses.length === 20 && losses.every(Number.isFinite) && losses[19] < losses[0])) {
    throw new Error(`expected 20 losses that fall, got ${losses}`);
  }
  first ??= String(losses);
  if (String(losses) !== first) throw new Error(`expected the losses of the first page, ${first}, got ${losses}`);
}

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
    assertLearns(page);
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
    close: () => [plain, isolated].map((server) => server.close()),
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
