/** The page as text, and as headless Chromium shows it where there is one. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import type { RunRecord } from '../runs/results.js';
import { cutOrOverlapping, launchChromium, NO_CHROMIUM, problemsOf } from './__fixtures__/in-chromium.js';
import { sampleRun } from './__fixtures__/sample-run.js';
import { Html } from './html.js';
import { htmlDocument } from './html-document.js';
import { writeIndex } from './write-index.js';
import { writeReport } from './write-report.js';

const FIXTURES = fileURLToPath(new URL('../__fixtures__/runs', import.meta.url));
const LABELS = [
  'CAT',
  'LinCAT',
  'Attention',
  'Based',
  'Mamba',
  'Mamba-2',
  'GLA',
  'Landmark CAT',
  'TF++',
  'Linear attention',
];

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mixerzoo-report-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Many models with three seeds each. */
function manyModels(): RunRecord[] {
  return LABELS.flatMap((label, rank) =>
    [0, 1, 2].map((seed) =>
      sampleRun({ label, seed, accuracies: [1 - 0.06 * rank, 0.9 - 0.07 * rank, 0.8 - 0.08 * rank] }),
    ),
  );
}

async function pageOf(runs: string | readonly RunRecord[], name: string): Promise<{ path: string; text: string }> {
  const { page } = await writeReport(runs, join(directory, name));
  return { path: page, text: await readFile(page, 'utf8') };
}

describe('writeReport', () => {
  test('counts the time of runs that were not finished too', async () => {
    const partial = [0.1, 0.2, 0.3, 0.4].map((learningRate) => sampleRun({ learningRate, partial: true })); // half a second each
    const { text } = await pageOf([sampleRun(), ...partial], 'times');
    expect(/Time of all runs together<\/dt><dd>([^<]*)/.exec(text)?.[1]).toBe('4.0 s');
  });

  test('writes all files, the same ones twice, and nothing beside them', async () => {
    const first = await pageOf(FIXTURES, 'twice');
    const second = await pageOf(FIXTURES, 'twice');
    expect(second.text).toBe(first.text);
    const files = ['curves.csv', 'lengths.csv', 'report.html', 'report.json', 'runs.csv', 'table.csv', 'table.md'];
    expect((await readdir(join(directory, 'twice'))).sort()).toEqual(files);
  });

  test('makes a page that is whole by itself and small', async () => {
    const { text } = await pageOf(manyModels(), 'many');
    expect(text).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(text).not.toMatch(/@import|url\(/);
    expect(text.length).toBeLessThan(1_000_000);
  });

  test('shows numbers, failures and budget in words', async () => {
    const { text } = await pageOf(FIXTURES, 'words');
    expect(text).toContain('reaches 99\u00a0% after 150 steps (0.75 s)');
    expect(text).toContain('99.39\u00a0% at length 512 (8\u00a0× as long)');
    expect(text).toContain('Budget, the same for every model');
    expect(text).toContain('800 steps of 32 examples (25,600 examples, each seen once)');
    expect(text).toContain('4 models, 5 runs: 3 finished, 1 failed and 1 not finished.');
    expect(text).toContain('Trained on sequences of 64 tokens only, never on the other lengths.');
    expect(text).toContain('train: expected a finite loss at step 3, got NaN');
    expect(text).toContain('7 of 16 epochs done');
  });

  test('says where test examples repeat, and which engines trained a run', async () => {
    const run = sampleRun();
    if (run.result?.status !== 'done') throw new Error('sampleRun: expected a finished run.');
    const test = run.result.test.map((one) => ({ ...one, repeats: { distinct: 20, effective: 19.2 } }));
    const { text } = await pageOf([{ ...run, result: { ...run.result, test, engines: ['wasm', 'cpu'] } }], 'repeats');
    expect(text).toMatch(/<p class="note">Length 128: 20 of \d+ test examples differ; intervals rest on these alone/);
    expect(text).toContain('finished (on wasm and cpu)');
  });

  test('escapes what it is given', async () => {
    const hostile = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'&`;
    const runs = [
      sampleRun({ label: hostile, description: hostile, experiment: hostile }),
      sampleRun({ label: `b${hostile}`, experiment: hostile, failure: hostile }),
    ];
    const { text } = await pageOf(runs, 'hostile');
    expect(text).not.toContain('<script>alert');
    expect(text).not.toContain('<img');
    expect(text.match(/<script>/g)).toHaveLength(1);
    expect(text).toContain('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  test('has no style but its own, whatever texts hold', () => {
    const body = new Html('<p style="--a:1" title="b style=">c style="} body {display:none" d</p>');
    const page = htmlDocument({ title: '', style: '', body });
    expect(page).toContain('<p data-style="0" title="b style=">c style="} body {display:none" d</p>');
    expect(page).toContain('<style>[data-style="0"][data-style] {--a:1}\n</style>');
  });

  test('writes Markdown in which a description and a name are text', async () => {
    const description =
      '# Heading\n\n| a | b |\n|---|---|\n```\n<script>alert(1)</script> &amp; [link](x) 1. $x$\u001b[2J';
    await pageOf([sampleRun({ label: '# a|b', description, experiment: '<b>' })], 'markdown');
    const [heading, , words, , head, ...rows] = (await readFile(join(directory, 'markdown', 'table.md'), 'utf8')).split(
      '\n',
    );
    expect(heading).toBe('# \\<b\\>: 1 model on mqar');
    expect(words).toBe(
      '\\# Heading \\| a \\| b \\| \\|---\\|---\\| \\`\\`\\` \\<script\\>alert(1)\\</script\\> \\&amp; \\[link\\](x) 1. \\$x\\$\\\\u001b\\[2J',
    );
    expect(head).toMatch(/^\| Model \|/);
    expect(rows[1]).toMatch(/^\| \\# a\\\|b \|/);
  });

  test('begins with what is asked, and has the setting on demand', async () => {
    const description =
      'Who recalls? A filter helps. Task: mqar (length 64), tested at 64. Budget of every model: 8 steps.';
    const { text } = await pageOf([sampleRun({ description })], 'asked');
    expect(text).toContain('<p class="lead">Who recalls? A filter helps.</p>');
    expect(text).toMatch(/<details><summary>Setting and budget in full<\/summary><p>Task: mqar .* 8 steps\.<\/p>/);
    const { text: plain } = await pageOf([sampleRun({ description: 'Words alone' })], 'plain');
    expect(plain).toContain('<p class="lead">Words alone</p>');
    expect(plain).not.toContain('Setting and budget in full');
  });

  test('reports on runs of which none has finished', async () => {
    const { text } = await pageOf([sampleRun({ failure: 'NaN' }), sampleRun({ label: 'B', partial: true })], 'open');
    expect(text).toContain('Runs without a result');
    expect(text).not.toContain('NaN %');
  });

  test('refuses to report on nothing', async () => {
    await expect(writeReport([], join(directory, 'none'))).rejects.toThrow('expected runs to report on, got none');
  });
});

describe('in Chromium', () => {
  let browser: Browser | undefined;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
  });

  /** Opens a page of the report; `problems` collects console errors, exceptions and requests that leave the page. */
  async function open(
    context: TestContext,
    runs: string | readonly RunRecord[],
    settings: { width: number; scheme?: 'light' | 'dark'; scripts?: boolean },
  ): Promise<{ page: Page; problems: string[] }> {
    if (!browser) return context.skip(NO_CHROMIUM);
    const { path } = await pageOf(runs, join(context.task.id, typeof runs === 'string' ? 'fixtures' : 'samples'));
    const page = await browser.newPage({
      viewport: { width: settings.width, height: 800 },
      colorScheme: settings.scheme ?? 'light',
      javaScriptEnabled: settings.scripts ?? true,
    });
    const problems = problemsOf(page);
    await page.goto(pathToFileURL(path).href);
    return { page, problems };
  }

  /** Colours of the lines that are shown, in the order of drawing, without duplicates. */
  const lineColours = (page: Page) =>
    page.evaluate(() => [
      ...new Set(
        [...document.querySelectorAll('figure .mark-line path')]
          .filter((line) => line.getBoundingClientRect().width > 0)
          .map((line) => getComputedStyle(line).stroke),
      ),
    ]);

  test('draws the charts in light and dark, without an error', async (context) => {
    const light = await open(context, FIXTURES, { width: 1100, scheme: 'light' });
    const dark = await open(context, FIXTURES, { width: 1100, scheme: 'dark' });
    const [onLight, onDark] = [await lineColours(light.page), await lineColours(dark.page)];
    expect(onLight).toHaveLength(4);
    expect(onDark).toHaveLength(4);
    expect(onDark.filter((colour) => onLight.includes(colour))).toEqual([]);
    const background = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background(dark.page)).not.toBe(await background(light.page));
    expect([...light.problems, ...dark.problems]).toEqual([]);
  });

  test('keeps its looks under a policy that names its style sheet and script by their hashes', async (context) => {
    const { page, problems } = await open(context, FIXTURES, { width: 1100 });
    const looks = await page.evaluate(() => {
      const style = (selector: string) => getComputedStyle(document.querySelector(selector)!);
      return {
        attributes: document.querySelectorAll('[style]').length,
        swatch: style('.legend .swatch path').stroke,
        tints: [...document.querySelectorAll('.tint')].map((tint) => getComputedStyle(tint).getPropertyValue('--part')),
        columns: style('.lengths').getPropertyValue('--columns'),
      };
    });
    expect(looks).toMatchObject({ attributes: 0, columns: '5' });
    expect(await lineColours(page)).toContain(looks.swatch);
    expect(new Set(looks.tints)).toContain('0.998');
    expect(problems).toEqual([]);
  });

  test('runs and loads nothing else, even where markup slipped into it', async (context) => {
    if (!browser) return context.skip(NO_CHROMIUM);
    const { path, text } = await pageOf(FIXTURES, 'slipped');
    const slipped = `<script>document.title = 'run'</script><img src="https://example.org/x.png" onerror="document.title = 'run'">
      <style>h1 { display: none }</style><base href="https://example.org/">`;
    await writeFile(path, text.replace('<main>', `<main>${slipped}`));
    const page = await browser.newPage();
    const problems = problemsOf(page);
    const failures: (string | undefined)[] = [];
    page.on('requestfailed', (request) => failures.push(request.failure()?.errorText));
    await page.goto(pathToFileURL(path).href);
    expect(await page.title()).toMatch(/mixerzoo report$/);
    expect(await page.locator('h1:visible').count()).toBe(1);
    for (const kind of ['script-src', 'style-src', 'img-src', 'base-uri']) {
      expect(problems.some((problem) => problem.includes(kind))).toBe(true);
    }
    expect(failures).toEqual(['csp']); // the image
  });

  test('shows figures and the index under the same policy', async (context) => {
    if (!browser) return context.skip(NO_CHROMIUM);
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" class="marks" width="600" height="200" viewBox="0 0 600 200"><rect width="600" height="200"/></svg>';
    const root = join(directory, 'index');
    const figure = {
      id: 'fig0',
      caption: 'A figure.',
      reading: 'Lines: runs.',
      labels: ['CAT'],
      wide: svg,
      narrow: svg,
      claims: [],
      files: [],
      notes: [],
    };
    const { page: path } = await writeReport([sampleRun()], join(root, 'fig0'), { figure });
    const index = (await writeIndex(root)) as string;
    const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
    const problems = problemsOf(page);
    await page.goto(pathToFileURL(path).href);
    expect(
      await page
        .locator('figure .wide')
        .first()
        .evaluate((drawing) => getComputedStyle(drawing).maxWidth),
    ).toBe('750px');
    await page.goto(pathToFileURL(index).href);
    await page.getByRole('link').first().click();
    expect(await page.title()).toContain('mixerzoo report');
    expect(problems).toEqual([]);
  });

  test.for([320, 360, 760, 1100])('fits a screen of %i pixels without overlapping words', async (width, context) => {
    // Several runs of a model have curves of their own, folded.
    for (const { runs, charts } of [
      { runs: FIXTURES, charts: 7 },
      { runs: manyModels(), charts: 6 + LABELS.length },
    ]) {
      const { page, problems } = await open(context, runs, { width });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      expect(await cutOrOverlapping(page)).toEqual([]);
      const chartWidths = await page.evaluate(() =>
        [...document.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect().width).filter(Boolean),
      );
      expect(chartWidths).toHaveLength(charts);
      expect(Math.min(...chartWidths)).toBeGreaterThan(240);
      expect(problems).toEqual([]);
      await page.close();
    }
  });

  test('breaks long names instead of widening the page', async (context) => {
    const long = 'aVeryLongNameOfAModelThatNobodyWouldGiveButSomebodyWill'.repeat(3);
    const runs = [sampleRun({ label: long, description: long }), sampleRun({ label: `${long}2`, failure: long })];
    for (const width of [360, 1100]) {
      const { page } = await open(context, runs, { width });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  });

  test('is complete without its script', async (context) => {
    const { page } = await open(context, FIXTURES, { width: 1100, scripts: false });
    expect(await page.locator('figure svg:visible').count()).toBe(7);
    expect(await page.locator('table:visible').count()).toBeGreaterThanOrEqual(3);
  });

  test('shows the words of a mark, and fades the other models while one is pressed', async (context) => {
    const { page } = await open(context, FIXTURES, { width: 1100 });
    await page.locator('figure .wide [aria-label^="CAT, 1 layer at length 512"]').hover();
    expect(await page.locator('#tip').textContent()).toBe('CAT, 1 layer at length 512: 99.39 % [99.10, 99.59]');
    await page.locator('.legend button').first().click();
    const opacity = await page.evaluate(async () => {
      await Promise.all(document.getAnimations().map((animation) => animation.finished));
      const lines = [...document.querySelector('[data-focus]')!.querySelectorAll('.wide .mark-line path')];
      return lines.map((line) => Number(getComputedStyle(line).opacity));
    });
    expect(opacity.filter((value) => value === 1)).toHaveLength(1);
    expect(opacity.filter((value) => value < 0.2).length).toBe(opacity.length - 1);
  });

  test('names every chart and table for those who do not see them', async (context) => {
    const { page } = await open(context, FIXTURES, { width: 1100 });
    const images = await page.getByRole('img').all();
    expect(images.length).toBe(7);
    for (const image of images) expect((await image.getAttribute('aria-label'))!.length).toBeGreaterThan(60);
    expect(await page.getByRole('rowheader', { name: 'CAT, 1 layer', exact: true }).count()).toBeGreaterThanOrEqual(2);
    expect(await page.getByRole('columnheader', { name: 'Tokens/s' }).count()).toBe(1);
  });
});
