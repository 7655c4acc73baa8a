/** The page that follows its runs, in headless Chromium: runs go on under it, and what its reader does to it stays. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, type TestContext, test } from 'vitest';
import { writeRun } from '../../__fixtures__/write-run.js';
import type { RunRecord } from '../../runs/results.js';
import { launchChromium, NO_CHROMIUM, problemsOf } from '../__fixtures__/in-chromium.js';
import { sampleRun } from '../__fixtures__/sample-run.js';
import { createLiveReport } from './live-report.js';
import { type LiveServer, serveLive } from './live-server.js';

/** A machine that trains has little left for a browser. */
const PATIENTLY = { timeout: 120_000 };

let browser: Browser | undefined;
let root: string;
let server: LiveServer;

const MODELS = ['Alpha', 'Beta', 'Gamma'];
const RATES = [0.001, 0.01];
/** In the order of the plan: each begun but the last. */
const all = (how: object = {}) =>
  MODELS.flatMap((label) => RATES.map((learningRate) => sampleRun({ label, learningRate, ...how })));
const placeOf = ({ config }: RunRecord) => join(root, `${config.label}-${config.id}`);

beforeAll(async () => {
  browser = await launchChromium();
}, 120_000);
afterAll(() => browser?.close());

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'mixerzoo-live-'));
  const [done, running] = [all()[0]!, all({ partial: true })[1]!];
  await writeRun(placeOf(done), done);
  await writeRun(placeOf(running), running);
  hold(running);
  const runs = all().map(({ config: { id, label, learningRate, seed } }) => ({
    directory: `${label}-${id}`,
    id,
    name: `${label}, lr ${learningRate}`,
    ...{ label, learningRate, seed, steps: 100, flops: 1, group: 0 },
  }));
  writeFileSync(
    join(root, 'plan.json'),
    JSON.stringify({ format: 'mixerzoo-plan-1', command: 'run sample.yaml', runs }),
  );
  server = await serveLive(
    createLiveReport(root, () => {}),
    { host: '127.0.0.1', port: 0, pauseMs: 50 },
  );
});
afterEach(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

/** A lease of another machine, renewed now. */
function hold(run: RunRecord): void {
  const lock = join(placeOf(run), '.lock');
  mkdirSync(lock, { recursive: true });
  const file = join(lock, 'other.json');
  const owner = {
    pid: 7,
    host: 'node-1',
    since: '2026-01-02T03:04:05.000Z',
    leaseMs: 600_000,
    place: 'x',
    started: null,
  };
  writeFileSync(file, JSON.stringify(owner));
  const at = Date.now() / 1000 - 4;
  utimesSync(file, at, at);
}

async function finish(index: number): Promise<void> {
  const run = all({ accuracies: [0.99, 0.95, 0.7] })[index]!;
  await writeRun(placeOf(run), run);
  rmSync(join(placeOf(run), '.lock'), { recursive: true, force: true });
}

async function open(context: TestContext, { width = 1100, dark = false, hash = '' } = {}) {
  if (!browser) return context.skip(NO_CHROMIUM);
  const page = await browser.newPage({ viewport: { width, height: 700 }, colorScheme: dark ? 'dark' : 'light' });
  const origin = `http://127.0.0.1:${server.port}`;
  const problems = problemsOf(page, origin);
  await page.goto(`${origin}/${hash}`);
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  return { page, problems };
}

const results = (page: Page) => page.locator('table[data-table="results"] tbody th');
const isSameDocument = (page: Page) => page.evaluate(() => 'sameDocument' in window);

test('shows what goes on, and results as they come, without a reload', async (context) => {
  const { page, problems } = await open(context);
  const underWay = page.locator('table[data-table="progress"] tbody tr');
  await expect.poll(() => underWay.count(), PATIENTLY).toBe(1);
  const cells = await underWay.locator('th, td').allTextContents();
  expect(cells.slice(0, 5)).toEqual(['Alpha, lr 0.01', 'running', '40', '100', 'process 7 on node-1']);
  expect(cells[6]).toMatch(/^\d+(\.\d+)? s ago$/);
  expect(await page.getByText('1 done, 1 running, 4 waiting').count()).toBe(1);
  expect(await results(page).allTextContents()).toEqual(['Alpha']);
  await finish(2);
  await expect.poll(() => results(page).allTextContents(), PATIENTLY).toEqual(['Beta', 'Alpha']);
  expect(await page.getByText('2 done, 1 running, 3 waiting').count()).toBe(1);
  expect(await page.locator('.live').textContent()).toMatch(/^LiveRefreshed at /);
  await finish(1);
  await expect.poll(() => page.getByText('Nothing is under way.').count(), PATIENTLY).toBe(1);
  expect(await isSameDocument(page)).toBe(true);
  expect(problems).toEqual([]);
});

test('keeps what the reader has done to it', async (context) => {
  const { page, problems } = await open(context, { hash: '#words=a&sort=results~model~descending&series=Alpha' });
  await page.getByText('All runs', { exact: true }).click();
  await page.locator('table[data-table="runs"] button', { hasText: 'Rate' }).focus();
  await page.locator('table[data-table="runs"]').evaluate((table) => table.scrollIntoView());
  const state = () =>
    page.evaluate(() => ({
      top: Math.round(document.querySelector('table[data-table="runs"]')!.getBoundingClientRect().top),
      focus: document.activeElement?.textContent,
      words: (document.querySelector('[name=words]') as HTMLInputElement).value,
      pressed: document.querySelector('.legend [aria-pressed="true"]')?.textContent,
    }));
  const before = await state();
  expect(before).toMatchObject({ focus: 'Rate', words: 'a', pressed: 'Alpha' });
  const hash = new URL(page.url()).hash;
  for (const index of [2, 4]) await finish(index); // a model more, and another: sections above grow
  await expect.poll(() => results(page).allTextContents(), PATIENTLY).toEqual(['Gamma', 'Beta', 'Alpha']);
  await expect.poll(() => page.locator('table[data-table="runs"] tbody tr:visible').count(), PATIENTLY).toBe(4);
  expect({ ...(await state()), top: 0 }).toEqual({ ...before, top: 0 });
  expect(Math.abs((await state()).top - before.top)).toBeLessThan(4);
  expect(new URL(page.url()).hash).toBe(hash);
  expect(await isSameDocument(page)).toBe(true);
  expect(problems).toEqual([]);
});

test('leaves a part alone while text is marked in it', async (context) => {
  const { page } = await open(context);
  const marked = () => page.evaluate(() => String(getSelection()));
  await page.evaluate(() =>
    getSelection()!.selectAllChildren(document.querySelector('table[data-table="results"] tbody th')!),
  );
  expect(await marked()).toBe('Alpha');
  await finish(2);
  await expect.poll(() => page.getByText('2 done').count(), PATIENTLY).toBe(1);
  expect([await marked(), await results(page).count()]).toEqual(['Alpha', 1]);
  await page.evaluate(() => getSelection()!.removeAllRanges());
  await expect.poll(() => results(page).count(), PATIENTLY).toBe(2);
});

test('says so when the command has ended, and goes on when it is back', async (context) => {
  const { page } = await open(context);
  const line = page.locator('.live');
  await expect.poll(() => line.getAttribute('data-state'), PATIENTLY).toBe('on');
  const { port } = server;
  await server.close();
  await expect.poll(() => line.textContent(), PATIENTLY).toContain('The command does not answer');
  await finish(2);
  server = await serveLive(
    createLiveReport(root, () => {}),
    { host: '127.0.0.1', port, pauseMs: 50 },
  );
  await expect.poll(() => results(page).count(), PATIENTLY).toBe(2);
  expect(await line.getAttribute('data-state')).toBe('on');
});

test('begins before the first run has', async (context) => {
  for (const run of all()) rmSync(placeOf(run), { recursive: true, force: true });
  const { page, problems } = await open(context);
  expect(await page.locator('h1').textContent()).toBe('No run has begun');
  await finish(0);
  await expect.poll(() => results(page).allTextContents(), PATIENTLY).toEqual(['Alpha']);
  expect(problems).toEqual([]);
});

test.for([
  { width: 360, dark: true },
  { width: 1280, dark: false },
])('fits $width pixels', async (settings, context) => {
  const { page, problems } = await open(context, settings);
  await finish(2);
  await expect.poll(() => results(page).count(), PATIENTLY).toBe(2);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(settings.width);
  const shot = process.env['MIXERZOO_SCREENSHOTS'];
  if (shot) await page.screenshot({ path: join(shot, `live-${settings.width}.png`), fullPage: true });
  expect(problems).toEqual([]);
});
