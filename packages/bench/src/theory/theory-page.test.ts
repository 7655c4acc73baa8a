/** The page of the theory, as text and in headless Chromium. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ClaimResult, judge, type Plot } from '@mixerzoo/theory';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutOrOverlapping, launchChromium, NO_CHROMIUM, problemsOf } from '../report/__fixtures__/in-chromium.js';
import { formatResult } from './words.js';
import { writeTheory } from './write-theory.js';

const plot: Plot = {
  title: 'Error at other lengths',
  caption: 'Below the bound.',
  x: { label: "length L'", log: true },
  y: { label: 'error', log: true },
  series: [
    { label: 'bound', kind: 'line', points: [8, 64, 512].map((x) => ({ x, y: 1e-3 * x })) },
    { label: 'measured', kind: 'points', points: [8, 64, 512].map((x) => ({ x, y: 1e-5 * x })) },
  ],
};
const check = {
  what: '|f - v| <b>, N = 3',
  measured: 0.25,
  relation: 'at most',
  bound: 0.5,
  expected: 'holds',
} as const;

function sample(holds: boolean): ClaimResult {
  const checks = [check, { ...check, measured: 0.7, expected: holds ? ('fails' as const) : ('holds' as const) }];
  return {
    id: holds ? 'lemma-8' : 'lemma-9',
    title: 'Lemma: a statement with a long title that has to break somewhere on a phone',
    statement: 'The error is small & stays so.',
    slips: [{ printed: 'D_-1', corrected: '2 D_-1' }],
    seed: 1,
    sizes: {},
    built: 'a layer',
    checks: checks.map(judge),
    plots: [plot, plot],
    holds,
  };
}

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mixerzoo-theory-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('writeTheory', () => {
  test('writes every claim, what was built, its checks and slips', async () => {
    const { page, results, table } = await writeTheory([sample(true), sample(false)], 1, directory);
    const text = await readFile(page, 'utf8');
    expect(text).toContain('1 of 2 claims hold');
    expect(text).toContain('The error is small &amp; stays so.');
    expect(text).toContain('|f - v| &lt;b&gt;, N = 3');
    expect(text).toContain('fails, as it must');
    expect(text).toContain('fails: not expected');
    expect(text).toMatch(/As printed<\/th><td>D_-1<.*Corrected<\/th><td>2 D_-1</s);
    expect(JSON.parse(await readFile(results, 'utf8'))).toMatchObject({
      seed: 1,
      claims: [sample(true), sample(false)],
    });
    expect(await readFile(table, 'utf8')).toContain(
      'on a phone | 2 | \\|f - v\\| \\<b\\>, N = 3 | 0.25 | ≤ 0.5 | 50.0 % left | holding |',
    );
    expect(await readFile(join(directory, 'lemma-8.svg'), 'utf8')).toMatch(
      /^<svg [^>]*width="700".*fill="#ffffff".*<\/svg>\n$/s,
    );
    await writeTheory([sample(true), sample(false)], 1, directory);
    expect(await readFile(page, 'utf8')).toBe(text);
  });

  test('says in words what is nearest to its bound, and what is not as expected', () => {
    expect(formatResult(sample(true))).toBe(
      [
        `✔ holding: ${sample(true).title} (lemma-8)`,
        'built: a layer',
        '2 checks, nearest to its bound: |f - v| <b>, N = 3: measured 0.25, bound ≤ 0.5, 50.0 % left',
      ].join('\n    '),
    );
    expect(formatResult(sample(false))).toContain('does not hold: |f - v| <b>, N = 3: measured 0.7');
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

  test.for([320, 360, 1100])('fits a screen of %i pixels, light and dark', async (width, context) => {
    if (!browser) return context.skip(NO_CHROMIUM);
    const { page: path } = await writeTheory([sample(true), sample(false)], 1, directory);
    const backgrounds: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      const problems = problemsOf(page);
      await page.goto(pathToFileURL(path).href);
      await page.locator('summary').first().click();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      expect(await cutOrOverlapping(page)).toEqual([]);
      expect(await page.locator('figure svg:visible').count()).toBe(4);
      expect(problems).toEqual([]);
      backgrounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await page.close();
    }
    expect(new Set(backgrounds).size).toBe(2);
  });
});
