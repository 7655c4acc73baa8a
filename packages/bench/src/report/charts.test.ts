import { expect, test } from 'vitest';
import type { DoneRun } from '../runs/results.js';
import { sampleRun } from './__fixtures__/sample-run.js';
import { renderSvg } from './chart-parts.js';
import { costChart } from './charts.js';
import { groupEntries } from './entries.js';
import { seriesStyle } from './series-style.js';

test('writes times below a unit as decimals, and large states with a prefix', async () => {
  const timed = (label: string, tokenMs: number) => {
    const run = sampleRun({ label });
    const { result } = run as DoneRun;
    const generation = { promptLength: 32, prefillMs: 1, tokenMs };
    return { ...run, result: { ...result, cost: { ...result.cost, stateSize: 1e5 * tokenMs, generation } } };
  };
  const series = groupEntries([timed('A', 0.3), timed('B', 0.7)]).map((entry, index) => ({
    entry,
    style: seriesStyle(index),
  }));
  const words = async (cost: 'tokenMs' | 'stateSize') => {
    const svg = await renderSvg(costChart(cost, series, { width: 440, height: 250 })!);
    return [...svg.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text);
  };
  expect(await words('tokenMs')).toEqual(expect.arrayContaining(['0.4', '0.6']));
  expect(await words('stateSize')).toEqual(expect.arrayContaining(['40k', '60k']));
});
