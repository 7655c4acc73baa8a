import { expect, test } from 'vitest';
import { sampleRun } from './__fixtures__/sample-run.js';
import { renderSvg } from './chart-parts.js';
import { groupEntries } from './entries.js';
import { rateChart, rateSection } from './rate-section.js';
import { seriesStyle } from './series-style.js';

const seriesOf = (runs: Parameters<typeof groupEntries>[0]) =>
  groupEntries(runs).map((entry, index) => ({ entry, index, style: seriesStyle(index) }));
const accuracies = (value: number) => [value, value, value] as const;

/** What marks say, with whether they are filled. */
async function marksOf(runs: Parameters<typeof groupEntries>[0]) {
  const svg = await renderSvg(rateChart(seriesOf(runs), { width: 440, height: 300 })!);
  const marks = [...svg.matchAll(/<path aria-label="([^"]+)"[^>]*transform="translate\(([^,]+),([^)]+)\)"[^>]*>/g)];
  return marks.map(([tag, said, x, y]) => ({
    said,
    x: Number(x),
    y: Number(y),
    fill: /fill="([^"]+)"/.exec(tag)?.[1],
  }));
}

test('shows every rate and seed: finished, on the way, and diverged at the bottom', async () => {
  const marks = await marksOf([
    sampleRun({ learningRate: 0.01, seed: 0, accuracies: accuracies(0.9) }),
    sampleRun({ learningRate: 0.01, seed: 1, accuracies: accuracies(0.5) }),
    sampleRun({ learningRate: 0.1, seed: 0, accuracies: accuracies(0.6), partial: true }),
    sampleRun({ learningRate: 1, seed: 0, failure: 'not finite' }),
  ]);
  const at = (words: string) => marks.find(({ said }) => said!.startsWith(`CAT, learning rate ${words}`))!;
  expect(marks).toHaveLength(4);
  expect(at('0.01, seed 0').said).toBe('CAT, learning rate 0.01, seed 0: 90.0 %');
  // Six of ten epochs to its accuracy, after four of them.
  expect(at('0.1, seed 0').said).toBe('CAT, learning rate 0.1, seed 0: 40.0 % (not finished, 4 of 10 epochs)');
  expect(at('1, seed 0').said).toBe('CAT, learning rate 1, seed 0: diverged');
  expect(at('0.01, seed 0').fill).toBe(seriesStyle(0).light);
  expect(at('0.1, seed 0').fill).toBe('#ffffff');
  const heights = [at('0.01, seed 0'), at('0.01, seed 1'), at('0.1, seed 0'), at('1, seed 0')].map(({ y }) => y);
  expect(heights).toEqual([...heights].sort((a, b) => a - b));
  const perPoint = (heights[1]! - heights[0]!) / 0.4;
  expect(heights[3]! - heights[0]!).toBeCloseTo(0.9 * perPoint, 6);
});

test('sets models at one rate apart, less than rates are', async () => {
  const run = (label: string, learningRate: number) => sampleRun({ label, learningRate });
  const marks = await marksOf([run('A', 0.01), run('B', 0.01), run('A', 0.02), run('B', 0.02)]);
  const xs = ['A, learning rate 0.01', 'B, learning rate 0.01', 'A, learning rate 0.02', 'B, learning rate 0.02'].map(
    (words) => marks.find(({ said }) => said!.startsWith(`${words},`))!.x,
  );
  expect(xs).toEqual([...xs].sort((a, b) => a - b));
  expect(xs[1]! - xs[0]!).toBeLessThan((xs[2]! - xs[1]!) / 1.5);
});

test('is not there with one rate, or nothing that is a number', async () => {
  const failed = [0.1, 1].map((learningRate) => sampleRun({ learningRate, failure: 'not finite' }));
  for (const runs of [[sampleRun(), sampleRun({ seed: 1 })], failed])
    expect((await rateSection(seriesOf(runs), '')).text).toBe('');
  const [text] = await Promise.all([rateSection(seriesOf([sampleRun(), ...failed]), ': d 64')]);
  expect(text.text).toContain('<h2>Accuracy against learning rate: d 64</h2>');
  expect(text.text).toContain('CAT: 90.0 % at 0.01, diverged at 0.1, diverged at 1.');
  expect(text.text).toContain('Crosses:');
  expect(text.text).not.toContain('Hollow');
});

test('puts diverged runs above all losses where likelihood counts', async () => {
  const run = (learningRate: number, value: number) =>
    sampleRun({ learningRate, accuracies: accuracies(value), measure: 'likelihood' });
  const diverged = sampleRun({ learningRate: 1, failure: 'not finite', measure: 'likelihood' });
  const marks = await marksOf([run(0.01, 0.8), run(0.1, 0.4), diverged]);
  const highest = marks.reduce((a, b) => (a.y < b.y ? a : b));
  expect(marks).toHaveLength(3);
  expect(highest.said).toBe('CAT, learning rate 1, seed 0: diverged');
});
