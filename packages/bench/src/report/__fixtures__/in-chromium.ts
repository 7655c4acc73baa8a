/** Headless Chromium for tests of pages, where the machine has one. */
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../../../../scripts/chromium.mjs';

const CHROMIUM = findChromium();

/** The words of a test that is skipped for want of one. */
export const NO_CHROMIUM = 'no Chromium on this machine; set CHROMIUM_PATH to one to test the page in it';

/** Starts it; undefined where there is none. */
export async function launchChromium(): Promise<Browser | undefined> {
  if (CHROMIUM === undefined) return undefined;
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
    ].concat('--disable-component-update', '--disable-sync'),
  });
}

/** What a page that is open says in the console, throws, and loads from elsewhere than files, or the server at `origin`. */
export function problemsOf(page: Page, origin?: string): string[] {
  const problems: string[] = [];
  page.on('console', (message) => problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(file|data):/.test(url) && !(origin && url.startsWith(`${origin}/`))) problems.push(url);
  });
  return problems;
}

/** Words of the charts that are shown which their frame cuts off, or which lie on others. */
export function cutOrOverlapping(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const charts = [...document.querySelectorAll('figure svg')].filter((svg) => svg.getBoundingClientRect().width > 0);
    return charts.flatMap((svg) => {
      const words = [...svg.querySelectorAll('text')].map((text) => ({
        text: text.textContent ?? '',
        box: text.getBoundingClientRect(),
        frame: svg.getBoundingClientRect(),
      }));
      const cut = words.filter(({ box, frame }) => box.left < frame.left - 1 || box.right > frame.right + 1);
      const overlapping = words.filter((a, i) =>
        words.some(
          (b, j) =>
            j < i &&
            a.box.left < b.box.right &&
            b.box.left < a.box.right &&
            a.box.top < b.box.bottom &&
            b.box.top < a.box.bottom,
        ),
      );
      return [...cut, ...overlapping].map(({ text }) => text);
    });
  });
}
