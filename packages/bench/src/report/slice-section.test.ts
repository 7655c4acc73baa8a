import { expect, test } from 'vitest';
import type { BinAnswers, DoneRun } from '../runs/results.js';
import { sampleRun } from './__fixtures__/sample-run.js';
import { slicesCsv } from './csv.js';
import { groupEntries, hasSlices } from './entries.js';
import { seriesStyle } from './series-style.js';
import { sliceSection } from './slice-section.js';

const bin = (from: number, to: number, correct: number, total = 100): BinAnswers => {
  return { from, to, correct, total, accuracy: correct / total, examples: 50, exampleStd: 0.1 };
};

/** As many pairs as a 16th of the length, and two gaps; the one at length 64 is that of `correct`. */
function sliced(seed: number, correct: number): DoneRun {
  const run = sampleRun({ seed }) as DoneRun;
  const test = run.result.test.map((one) => {
    const gaps = { name: 'gap (tokens)', bins: [bin(2, 3, one.seqLen === 64 ? correct : 10), bin(4, 7, 90)] };
    return { ...one, slices: [gaps, { name: 'pairs', bins: [bin(one.seqLen / 16, one.seqLen / 16, 50)] }] };
  });
  return { ...run, result: { ...run.result, test } };
}

const section = async (runs: readonly DoneRun[]) => {
  const series = groupEntries(runs).map((entry, index) => ({ entry, index, style: seriesStyle(index) }));
  return (await sliceSection(series, '')).text;
};

test('shows each slice at the training length and the longest, and what lengths alone tell apart at all', async () => {
  const text = await section([sliced(0, 40), sliced(1, 60)]);
  const charts = [...text.matchAll(/aria-label="(Line chart [^"]+)"/g)].map(([, said]) => said);
  expect(charts).toEqual([
    'Line chart of test accuracy against gap (tokens), test length 64. CAT: 50.0 % at 2–3, 90.0 % at 4–7.',
    'Line chart of test accuracy against gap (tokens), test length 256. CAT: 10.0 % at 2–3, 90.0 % at 4–7.',
    'Line chart of test accuracy against pairs, all test lengths. CAT: 50.0 % at 4, 50.0 % at 8, 50.0 % at 16.',
  ]);
  expect(text).toMatch(/<td[^>]*data-label="2–3">50\.0\u00a0% <span class="interval">\[/);
});

test('is empty of results that tell nothing apart, older ones among them', async () => {
  const run = sampleRun() as DoneRun;
  expect(await section([run])).toBe('');
  expect(groupEntries([run]).some(hasSlices)).toBe(false);
});

test('writes a row for each bin, over all seeds', () => {
  const [head, first, ...others] = slicesCsv(groupEntries([sliced(0, 40), sliced(1, 60)]))
    .trimEnd()
    .split('\n');
  expect(head).toBe('setting,model,trainLength,seqLen,slice,from,to,answers,accuracy,accuracyLow,accuracyHigh');
  expect(first).toMatch(/^,CAT,64,64,gap \(tokens\),2,3,200,0\.5,0,1$/);
  expect(others).toHaveLength(8);
});
