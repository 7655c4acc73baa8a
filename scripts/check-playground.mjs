/**
 * `npm run check:playground`: the built page of apps/playground in headless Chromium, from a subfolder of a plain static host, without
 * isolation. It trains, is looked into, linked to and given runs; what it weighs and how long it blocks is printed. Skipped where there is no
 * Chromium.
 *
 *   <words>               the checks whose name has one of these words; by default all
 *   --minutes 30          trains and begins anew for so long, by default 1: memory must not grow
 *   --screenshots <dir>   writes the page as it looks, at 1,280 and 360 pixels, light and dark
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { launchChromium } from './browser-pages.mjs';
import { keepsItsMemory } from './playground-memory.mjs';
import { assert, pause, standings, untilDone, untilStep } from './playground-page.mjs';
import { fitsEveryScreen, worksByKeyboard } from './playground-screens.mjs';
import { tellsItsStory } from './playground-story.mjs';

const DIST = fileURLToPath(new URL('../apps/playground/dist/', import.meta.url));
const RUNS = fileURLToPath(new URL('../packages/bench/src/__fixtures__/runs/quick/', import.meta.url));
const FOLDER = '/some/folder';
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};
/** Bytes of the first load, gzipped, at most. */
const MOST_BYTES = 1_000_000;
/** Milliseconds of the main thread: a frame that takes longer is seen. */
const LONG_TASK_MS = 50;
/** Pixels that what stands below the models may move while they are set up anew: their words are other ones. */
const SHIFT = 40;
/** The budget of the claim: steps in which CAT learns the default task, and attention of one layer does not. */
const BUDGET = 150;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, screenshots: { type: 'string' } },
});

const minutes = Number(options.minutes);
if (!(minutes > 0)) {
  console.error(`check:playground: expected --minutes above 0, got '${options.minutes}'`);
  process.exit(2);
}

const requested = new Set();
const server = createServer(({ url }, response) => {
  const { pathname } = new URL(url, 'http://localhost');
  const file = join(DIST, pathname.slice(FOLDER.length).replace(/\/$/, '/index.html'));
  const found = pathname.startsWith(FOLDER) && existsSync(file);
  if (found) requested.add(file);
  response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'text/plain' });
  response.end(found ? readFileSync(file) : '');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await launchChromium('--js-flags=--expose-gc');
if (!browser) process.exit(0);
let failures = 0;
try {
  await check('trains', trains);
  await check('is looked into', isLookedInto);
  await check('tells its story', (page) => tellsItsStory(page, address()));
  await check('is linked to', isLinkedTo);
  await check('takes configs and gives them', takesConfigs);
  await check('opens runs and weights', opensRuns);
  await check('works by keyboard', (page) => worksByKeyboard(page, address()));
  await check('fits every screen', (page) => fitsEveryScreen(page, address(), options.screenshots));
  await check('has no card', hasNoCard);
  await checkWebgpu();
  await check('keeps its memory', (page) => keepsItsMemory(page, address(), minutes));
} finally {
  await browser.close();
  server.close();
}
process.exit(failures === 0 ? 0 : 1);

/** One check on a page of its own: nothing in the console, and no request elsewhere. */
async function check(name, work, within = browser) {
  if (positionals.length > 0 && !positionals.some((word) => name.includes(word))) return;
  const context = await within.newContext({ viewport: { width: 1280, height: 900 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const page = await context.newPage();
  page.setDefaultTimeout(180_000); // a machine may have other work
  const problems = [];
  page.on('console', (message) => problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(blob|data):/.test(request.url()))
      problems.push(`request: ${request.url()}`);
  });
  const start = performance.now();
  try {
    const said = await work(page);
    assert(problems.length === 0, `expected a quiet page, got\n${problems.join('\n')}`);
    console.log(`${name}: ${said} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
  } catch (error) {
    failures += 1;
    const said = await page.evaluate(() => [...document.querySelectorAll('.said, .notice')].map((p) => p.textContent));
    console.error(
      [`${name}: ${error.message}`, ...problems, ...said.map((text) => `the page says '${text}'`)].join('\n  '),
    );
  } finally {
    await context.close();
  }
}

/** Where the page is, set up by the part of the address after `#`. */
function address(hash = '') {
  return `${origin}${FOLDER}/${hash === '' ? '' : `#${hash}`}`;
}

async function trains(page) {
  requested.clear();
  const start = performance.now();
  await page.goto(address());
  await untilStep(page, 1);
  const first = (performance.now() - start) / 1000;
  const bytes = [...requested].reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
  assert(bytes < MOST_BYTES, `expected a first load under ${MOST_BYTES} bytes gzipped, got ${bytes}`);
  await browser.startTracing(page, {
    categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'],
  });
  const models = await untilStep(page, BUDGET);
  const busy = mainThreadTasks(await browser.stopTracing());
  await pause(page);
  const [attention, cat] = models;
  assert(cat.at99 <= BUDGET, `expected CAT at 99 % within ${BUDGET} steps, got ${JSON.stringify(cat)}`);
  assert(
    attention.at99 > BUDGET && attention.accuracy < 0.5,
    `expected attention below 50 %, got ${JSON.stringify(attention)}`,
  );
  const longest = Math.max(...busy);
  assert(busy.length > 50, `expected the tasks of the main thread, got ${busy.length}`);
  assert(
    longest <= LONG_TASK_MS,
    `expected no task over ${LONG_TASK_MS} ms on the main thread while training, got ${longest.toFixed(0)} ms`,
  );
  return (
    `${(bytes / 1000).toFixed(0)} kB gzipped, first step after ${first.toFixed(1)} s, CAT at 99 % after ${cat.at99} steps, ` +
    `attention at ${(100 * attention.accuracy).toFixed(1)} %; while training ${busy.length} tasks on the main thread, the longest ${longest.toFixed(1)} ms`
  );
}

/**
 * Milliseconds that the tasks of the page's main thread took of a processor, from a trace. Time on the clock would be that of a machine's other
 * work too.
 */
function mainThreadTasks(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const threads = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const isOfPage = ({ pid, tid }) => threads.some((thread) => thread.pid === pid && thread.tid === tid);
  const tasks = traceEvents.filter((event) => event.ph === 'X' && /RunTask$/.test(event.name) && isOfPage(event));
  return tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1000]));
}

async function isLookedInto(page) {
  await page.goto(address('m=cat.1.own&m=lin-cat.1.own&m=landmark.1.own'));
  await untilStep(page, 125);
  await pause(page);
  await page.waitForTimeout(1500);
  const before = await page.locator('.inside .strip').first().getAttribute('aria-label');
  const position = await page.locator('button.token.asked').last().getAttribute('aria-label');
  await page.locator('button.token.asked').last().click();
  await page.waitForFunction(
    (old) => document.querySelector('.inside .strip').getAttribute('aria-label') !== old,
    before,
  );
  const answers = await page.locator('.inside').first().locator('.answer p').textContent();
  assert(/right/.test(answers), `expected CAT to answer, got '${answers}'`);
  const expected = position.match(/answered with (\d+)/)[1];
  assert(answers.includes(expected), `expected the answer ${expected}, got '${answers}'`);
  const read = await page.locator('.inside .strip').first().getAttribute('aria-label');
  assert(read.includes(`${expected} at`), `expected CAT to read the value ${expected}, got '${read}'`);
  // The same pairs with another value: the answer follows.
  const input = page.getByLabel('Write it anew');
  const written = (await input.inputValue()).split(' ');
  const other = String((Number(expected) + 7) % 40);
  const changed = written.map((word) => (word === expected ? other : word));
  await input.fill(changed.join(' '));
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.waitForFunction(
    (value) => document.querySelector('.inside .answer .token.value').textContent === value,
    other,
  );
  await input.fill('A 1 nonsense');
  await page.getByRole('button', { name: 'Ask' }).click();
  assert(
    (await page.locator('.editor .notice').textContent()).includes("got 'nonsense'"),
    'expected the word that is none',
  );
  const strips = await page.locator('.inside').nth(1).locator('.reading h4').allTextContents();
  assert(
    strips.some((title) => title.startsWith('What it writes')),
    `expected the state of LinCAT, got ${strips}`,
  );
  return `CAT reads the value ${expected} and answers it, then ${other} where that stands in its place`;
}

async function isLinkedTo(page) {
  const hash = 'm=gla.2.keys.4&m=cat.1.none&pairs=2&length=24&width=16&rate=0.01&seed=7&steps=50&query=9';
  await page.goto(address(hash));
  await untilStep(page, 1);
  const names = (await standings(page)).map(({ name }) => name);
  assert(
    names.join() === 'GLA, 2 layers, 4 taps on the keys,CAT, 1 layer, no filter',
    `expected the models of the link, got ${names}`,
  );
  await page.getByLabel('Learning rate').selectOption('0.02');
  await page.waitForFunction(() => location.hash.includes('rate=0.02'));
  await page.getByRole('button', { name: 'Copy link' }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert(link === address(hash.replace('rate=0.01', 'rate=0.02')), `got ${link}`);
  const numbers = await lossesWhenDone(page);
  await page.goto('about:blank');
  await page.goto(link);
  const again = await lossesWhenDone(page);
  assert(numbers === again, `expected the losses of the same link to be the same, got ${numbers} and ${again}`);
  await page.goto('about:blank');
  await page.goto(address('m=nothing.1.own&width=3'));
  await untilStep(page, 1);
  assert(
    (await page.getByRole('alert').first().textContent()).includes('expected a model such as'),
    'expected what is wrong with the link',
  );
  return 'a link holds the whole set-up, and trains to the same losses';
}

/** The last losses of trainings that have come to their end, as the page shows them. */
async function lossesWhenDone(page) {
  await untilDone(page);
  return page.evaluate(() =>
    [...document.querySelectorAll('.model .facts div:nth-child(2) dd')].map((loss) => loss.textContent).join(),
  );
}

/** Webgpu where there is no adapter: wasm trains in its place, and the page says so. */
async function hasNoCard(page) {
  await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }));
  await page.route(/worker.*\.js$/, async (route) => {
    const response = await route.fetch();
    const without = "Object.defineProperty(navigator,'gpu',{value:{requestAdapter:async()=>null},configurable:true});";
    await route.fulfill({ response, body: without + (await response.text()) });
  });
  await page.goto(address('engine=webgpu&m=cat.1.own'));
  const [{ engine, note }] = await untilStep(page, 2);
  assert(!/WebGPU/.test(engine), `expected wasm, got '${engine}'`);
  assert(/trains by wasm: webgpu engine: expected a GPU/.test(note), `expected the reason, got '${note}'`);
  return `trains by ${engine} and says why`;
}

/** In a browser with WebGPU, by a software driver: slow, so that a few steps tell. */
async function checkWebgpu() {
  const flags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];
  const withWebgpu = await launchChromium(...flags);
  try {
    await check('trains on webgpu', trainsOnWebgpu, withWebgpu);
  } finally {
    await withWebgpu.close();
  }
}

async function trainsOnWebgpu(page) {
  const hash = 'm=cat.1.own&pairs=1&length=8&width=16&batch=8&steps=50';
  await page.goto(address(hash));
  const byWasm = Number((await lossesWhenDone(page)) || Number.NaN);
  await page.goto('about:blank');
  await page.goto(address(`${hash}&engine=webgpu`));
  const byWebgpu = Number((await lossesWhenDone(page)) || Number.NaN);
  const [{ engine }] = await standings(page);
  assert(/^WebGPU/.test(engine), `expected WebGPU, got '${engine}'`);
  assert(Math.abs(byWebgpu - byWasm) < 0.02, `expected the loss ${byWasm} of wasm, got ${byWebgpu}`);
  return `a loss of ${byWebgpu} by ${engine}, ${byWasm} by wasm`;
}

async function takesConfigs(page) {
  await page.goto(address('m=lin-cat.1.keys.4&pairs=2&seed=3'));
  await untilStep(page, 1);
  await page.getByRole('button', { name: 'Copy as config' }).click();
  await page.getByText('The config is in the clipboard').waitFor();
  const config = await page.evaluate(() => navigator.clipboard.readText());
  assert(/extends: "?@mixerzoo\/cat#lin-cat-recall/.test(config), `expected a config, got ${config}`);
  await page.goto('about:blank');
  await page.goto(address());
  await page.getByText('Paste a config').click();
  await setUp(page, config);
  await page.waitForFunction(() => location.hash.includes('m=lin-cat.1.keys.4') && location.hash.includes('seed=3'));
  await keepsItsPlaces(page, () => page.getByRole('button', { name: 'Start over' }).press('Enter'));
  // Another config than the page can write is trained as it is.
  await setUp(page, config.replace(/stepsPerEpoch: \d+/, 'stepsPerEpoch: 30').replace(/epochs: \d+/, 'epochs: 2'));
  await page.getByText('trained anew').waitFor();
  await page.locator('.model[data-status="done"][data-step="60"]').waitFor({ timeout: 300_000 });
  await setUp(page, 'extends: quick\ntask: {}\nmodels: {}');
  await page.getByText("got one that extends 'quick'").waitFor();
  return 'copied, and set up from the copy';
}

/** Pastes a config, and has it set up. */
async function setUp(page, config) {
  const text = page.getByLabel('A config in YAML');
  await text.fill(config);
  assert((await text.inputValue()) === config, 'expected the config that was pasted');
  await page.getByRole('button', { name: 'Set up' }).click();
}

/** Does what has models set up anew: until they are, what stands below them stays where it is, so that a press of a button reaches it. */
async function keepsItsPlaces(page, work) {
  await untilStep(page, 50);
  await page.evaluate(() => {
    const start = document.querySelector('.paste').offsetTop;
    window.moved = 0;
    const look = () => {
      window.moved = Math.max(window.moved, Math.abs(document.querySelector('.paste').offsetTop - start));
      window.looking = requestAnimationFrame(look);
    };
    look();
  });
  await work();
  await page.waitForFunction(() => Number(document.querySelector('.model').dataset.step) < 50);
  await page.waitForFunction(() => document.querySelector('.inside .reading') !== null);
  const moved = await page.evaluate(() => {
    cancelAnimationFrame(window.looking);
    return window.moved;
  });
  assert(moved <= SHIFT, `expected what stands below the models within ${SHIFT} pixels of its place, got ${moved}`);
}

async function opensRuns(page) {
  await page.goto(address('m=cat.1.own&pairs=1&length=8&steps=50'));
  await page.locator('.model[data-status="done"]').waitFor({ timeout: 300_000 });
  const [{ accuracy }] = await standings(page);
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save weights' }).click();
  const weights = readFileSync(await (await saving).path());
  await page.goto('about:blank');
  await page.goto(address());
  await untilStep(page, 1);
  await drop(page, [{ name: 'mine.safetensors', bytes: [...weights] }]);
  await page.getByText('with its trained weights').waitFor();
  await page.locator('.model[data-status="done"]').waitFor();
  const [opened] = await standings(page);
  assert(
    opened.accuracy === accuracy,
    `expected the accuracy ${accuracy} of the weights that were saved, got ${opened.accuracy}`,
  );
  // A run of the command, by its file.
  const run = readdirSync(RUNS).find((name) => name.startsWith('attention-1-layer'));
  const config = JSON.parse(readFileSync(join(RUNS, run, 'config.json'), 'utf8'));
  config.layers = config.layers.map((layer) => ({ ...layer, config: { dModel: 64, nHeads: 1 } }));
  delete config.model.norm;
  await drop(page, [{ name: 'config.json', bytes: [...Buffer.from(JSON.stringify(config))] }]);
  await page.getByText('without weights').waitFor();
  await untilStep(page, 1);
  const [recorded] = await standings(page);
  assert(recorded.name === config.label, `expected '${config.label}', got '${recorded.name}'`);
  await page.getByRole('button', { name: "Back to the page's own models" }).click();
  await page.waitForFunction(() => document.querySelectorAll('.model').length === 2);
  return `weights that were saved score ${(100 * accuracy).toFixed(1)} % again; a run's config.json trains`;
}

/** Drops files on the page. */
async function drop(page, files) {
  const data = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, bytes } of given) transfer.items.add(new File([new Uint8Array(bytes)], name));
    return transfer;
  }, files);
  await page.dispatchEvent('#take-title', 'drop', { dataTransfer: data });
}
