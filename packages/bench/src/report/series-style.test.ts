import { expect, test } from 'vitest';
import { seriesStyle } from './series-style.js';

const styles = Array.from({ length: 81 }, (_, index) => seriesStyle(index));

/** Relative luminance and contrast as WCAG 2.2 defines them. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
const contrast = (a: string, b: string) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
};

test.each(styles.slice(0, 9))('$light and $dark stand out from their pages', ({ light, dark }) => {
  expect(contrast(light, '#ffffff')).toBeGreaterThan(4.5);
  expect(contrast(dark, '#181c23')).toBeGreaterThan(4.5);
});

test('no two series look or are written the same', () => {
  const looks = styles.map(({ dark, dash, mark }) => JSON.stringify([dark, dash, mark]));
  expect(new Set(looks).size).toBe(styles.length);
  expect(new Set(styles.map(({ light }) => light)).size).toBe(styles.length);
});

test('neighbours differ in mark and dash, not in colour alone', () => {
  const plain = styles.slice(0, 6).map(({ dash, mark }) => [JSON.stringify(dash), mark]);
  expect(new Set(plain.map(([dash]) => dash)).size).toBe(6);
  expect(new Set(plain.map(([, mark]) => mark)).size).toBe(6);
});
