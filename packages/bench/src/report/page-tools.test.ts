/** Sorting, filtering and links of the tables of a report, in headless Chromium. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { launchChromium, NO_CHROMIUM, problemsOf } from './__fixtures__/in-chromium.js';
import { sampleRun } from './__fixtures__/sample-run.js';
import { writeReport } from './write-report.js';

/** A machine that trains has little left for a browser. */
const PATIENTLY = { timeout: 120_000 };

let directory: string;
let url: string;
let browser: Browser | undefined;

/** Models of which the third has a seed that failed, the fourth no result at all; the lower the better is the name. */
const RUNS = ['Alpha', 'Beta', 'Gamma', 'Delta'].flatMap((label, rank) =>
  [0, 1, 2].map((seed) =>
    sampleRun({
      label,
      seed,
      accuracies: [0.9 - 0.2 * rank, 0.5, 0.2],
      ...(label === 'Delta' || (label === 'Gamma' && seed === 2) ? { failure: 'loss is NaN' } : {}),
    }),
  ),
);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mixerzoo-tools-'));
  url = pathToFileURL((await writeReport(RUNS, directory)).page).href;
  browser = await launchChromium();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await rm(directory, { recursive: true, force: true });
});

async function open(context: TestContext, { width = 1100, hash = '', scripts = true } = {}) {
  if (!browser) return context.skip(NO_CHROMIUM);
  const page = await browser.newPage({ viewport: { width, height: 800 }, javaScriptEnabled: scripts });
  const problems = problemsOf(page);
  await page.goto(url + hash);
  return { page, problems };
}

const results = (page: Page) => page.locator('table[data-table="results"]');
const names = (page: Page) => results(page).locator('tbody tr:visible th').allTextContents();
const filter = (page: Page) => page.getByRole('search');

test('sorts by a heading, by pointer and by keys, with what has no number last', async (context) => {
  const { page, problems } = await open(context);
  const written = await names(page);
  expect(written).toEqual(['Alpha', 'Beta', 'Gamma', 'Delta']);
  const heading = results(page).getByRole('columnheader', { name: /^Accuracy at 64/ });
  const button = heading.getByRole('button');
  await button.click();
  expect(await heading.getAttribute('aria-sort')).toBe('descending');
  expect(await names(page)).toEqual(['Alpha', 'Beta', 'Gamma', 'Delta']);
  await button.focus();
  await page.keyboard.press('Enter');
  expect(await heading.getAttribute('aria-sort')).toBe('ascending');
  expect(await names(page)).toEqual(['Gamma', 'Beta', 'Alpha', 'Delta']);
  await page.keyboard.press('Space');
  expect(await heading.getAttribute('aria-sort')).toBeNull();
  expect(await names(page)).toEqual(written);
  await results(page).getByRole('columnheader', { name: 'Model' }).getByRole('button').click();
  expect(await names(page)).toEqual(['Alpha', 'Beta', 'Delta', 'Gamma']);
  expect(problems).toEqual([]);
});

test('goes by the size of what a cell shows, whatever its unit', async (context) => {
  const { page } = await open(context);
  const texts = ['3 min 5 s', '12 s', '2 h 10 min', '0.75 s', '–'];
  await page.evaluate((shown) => {
    const table = document.querySelector('table[data-table="runs"]') as HTMLTableElement;
    const rows = [...table.tBodies[0]!.rows];
    for (const [index, row] of rows.entries()) row.cells[12]!.textContent = shown[Math.min(index, shown.length - 1)]!;
  }, texts);
  await page.getByText('All runs', { exact: true }).click();
  await page.getByRole('columnheader', { name: 'Total time' }).getByRole('button').click();
  const shown = await page.locator('table[data-table="runs"] tbody tr td:last-child').allTextContents();
  expect(shown.slice(0, 5)).toEqual(['2 h 10 min', '3 min 5 s', '12 s', '0.75 s', '–']);
});

test('filters by words, model and state, and says how many of how many', async (context) => {
  const { page, problems } = await open(context);
  const count = filter(page).locator('output');
  expect(await count.textContent()).toBe('4 models, 12 runs');
  await filter(page).getByLabel('Filter').fill('ALPHA finished');
  expect(await count.textContent()).toBe('0 of 4 models, 3 of 12 runs');
  await filter(page).getByLabel('Filter').fill('');
  await filter(page).getByLabel('Model').selectOption('Gamma');
  expect(await count.textContent()).toBe('1 of 4 models, 3 of 12 runs');
  expect(await names(page)).toEqual(['Gamma']);
  await filter(page).getByLabel('State').selectOption('failed');
  expect(await count.textContent()).toBe('1 of 4 models, 1 of 12 runs');
  await filter(page).getByRole('button', { name: 'Clear' }).click();
  expect(await count.textContent()).toBe('4 models, 12 runs');
  expect(await filter(page).getByRole('button', { name: 'Clear' }).isVisible()).toBe(false);
  expect(problems).toEqual([]);
});

test('opens the same view from a copied link', async (context) => {
  const { page } = await open(context);
  await filter(page).getByLabel('Filter').fill('a');
  await filter(page).getByLabel('State').selectOption('finished');
  await results(page).getByRole('columnheader', { name: 'Model' }).getByRole('button').click();
  await page.locator('.legend button', { hasText: 'Beta' }).first().click();
  await page.getByText('All runs', { exact: true }).click();
  await expect.poll(() => page.url(), PATIENTLY).toContain('open=');
  const hash = new URL(page.url()).hash;
  const other = await open(context, { hash });
  expect(await names(other.page)).toEqual(['Alpha', 'Beta', 'Gamma']);
  expect(await filter(other.page).getByLabel('Filter').inputValue()).toBe('a');
  expect(await filter(other.page).getByLabel('State').inputValue()).toBe('finished');
  expect(await results(other.page).locator('[aria-sort]').textContent()).toBe('Model');
  const pressed = other.page.locator('.legend button[aria-pressed="true"]');
  expect(new Set(await pressed.allTextContents())).toEqual(new Set(['Beta']));
  expect(await other.page.locator('table[data-table="runs"]').isVisible()).toBe(true);
  expect(new URL(other.page.url()).hash).toBe(hash);
  expect(other.problems).toEqual([]);
});

test('leaves the address alone where it names a place on the page', async (context) => {
  const { page } = await open(context, { hash: '#theorem-1' });
  expect(await names(page)).toHaveLength(4);
  await expect.poll(() => new URL(page.url()).hash, PATIENTLY).toBe('#theorem-1');
});

test('sorts and filters on a phone, without sideways scrolling', async (context) => {
  const { page, problems } = await open(context, { width: 360, hash: '#model=Gamma' });
  expect(await names(page)).toEqual(['Gamma']);
  await filter(page).getByRole('button', { name: 'Clear' }).click();
  await results(page).getByRole('button', { name: 'Model' }).click();
  expect(await names(page)).toEqual(['Alpha', 'Beta', 'Delta', 'Gamma']);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  expect(problems).toEqual([]);
});

test('shows no filter where the script does not run', async (context) => {
  const { page } = await open(context, { scripts: false });
  expect(await filter(page).count()).toBe(0);
  expect(await names(page)).toHaveLength(4);
});
