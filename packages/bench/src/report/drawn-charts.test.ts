import type { TopLevelSpec } from 'vega-lite';
import { afterEach, expect, it, vi } from 'vitest';
import { renderSvg } from './chart-parts.js';
import { drawSvg, keepDrawings } from './drawn-charts.js';

vi.mock('./chart-parts.js', () => ({ renderSvg: vi.fn(async (spec: object) => JSON.stringify(spec)) }));
afterEach(() => {
  keepDrawings(0);
  vi.mocked(renderSvg).mockClear();
});

const spec = (name: string) => ({ name }) as unknown as TopLevelSpec; // 12 characters drawn
const draws = async (name: string) => {
  const before = vi.mocked(renderSvg).mock.calls.length;
  expect(await drawSvg(spec(name))).toBe(JSON.stringify({ name }));
  return vi.mocked(renderSvg).mock.calls.length - before;
};

it('keeps nothing unless told to', async () => {
  expect([await draws('a'), await draws('a')]).toEqual([1, 1]);
});

it('draws a chart once, until there is no room for it', async () => {
  keepDrawings(25);
  expect([await draws('a'), await draws('b'), await draws('a')]).toEqual([1, 1, 0]);
  expect(await draws('c')).toBe(1); // in the place of b, which was not asked for since
  expect([await draws('a'), await draws('b')]).toEqual([0, 1]);
});
