/** The playground for everybody: by keyboard, on screens of all widths, in both colour schemes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { assert, pause, untilStep } from './playground-page.mjs';

/** Arrow keys move along the sequence, and all that can be used has a name. */
export async function worksByKeyboard(page, address) {
  await page.goto(address);
  await untilStep(page, 1);
  await page.locator('button.token[aria-pressed="true"]').focus();
  const before = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(
    (old) =>
      document.activeElement.getAttribute('aria-label') !== old &&
      document.activeElement.getAttribute('aria-pressed') === 'true',
    before,
  );
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll('button, select, input:not([hidden]), textarea, [role="img"]')]
      .filter(
        (element) => !(element.getAttribute('aria-label') || element.textContent.trim() || element.closest('label')),
      )
      .map(({ outerHTML }) => outerHTML.slice(0, 80)),
  );
  assert(unnamed.length === 0, `expected a name for everything, got none for ${unnamed}`);
  return 'arrow keys move along the sequence, and everything has a name';
}

/**
 * Nothing is wider than the screen, and words stand out from what is behind them, in both colour schemes.
 * @param screenshots - a directory for the page as it looks, trained a while.
 */
export async function fitsEveryScreen(page, address, screenshots) {
  await page.goto(address);
  await untilStep(page, screenshots ? 110 : 1);
  if (screenshots) {
    await pause(page);
    await page.waitForTimeout(2000);
    mkdirSync(screenshots, { recursive: true });
  }
  const faint = new Set();
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 360]) {
      await page.emulateMedia({ colorScheme, reducedMotion: width === 360 ? 'reduce' : 'no-preference' });
      await page.setViewportSize({ width, height: 800 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(over <= 0, `expected nothing wider than ${width} pixels, got ${over} more`);
      for (const text of await page.evaluate(faintWords)) faint.add(`${colorScheme}: ${text}`);
      if (screenshots) {
        await page.screenshot({
          path: join(screenshots, `playground-${width}-${colorScheme}.png`),
          fullPage: true,
        });
      }
    }
  }
  assert(faint.size === 0, `expected words with a contrast of 4.5 : 1 at least, got\n${[...faint].join('\n')}`);
  return '1,280 and 360 pixels, light and dark, words with a contrast of 4.5 : 1 or more';
}

/** Words on the page with less contrast to what is behind them than WCAG AA asks for. Runs in the page. */
function faintWords() {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const luminance = ([r, g, b]) => {
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const found = [];
  for (const element of document.querySelectorAll('main *')) {
    const words = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (words.length === 0 || element.closest(':disabled, canvas') || element.getClientRects().length === 0) continue;
    const isSvg = element instanceof SVGElement;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(rgba(isSvg ? style.fill : style.color)), luminance(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5)
      found.push(
        `${contrast.toFixed(2)} '${words[0].textContent.trim().slice(0, 30)}' ${element.className?.baseVal ?? element.className}`,
      );
  }
  return found;
}
