import { expect, test } from 'vitest';
import { sampleRun } from './__fixtures__/sample-run.js';
import { groupEntries } from './entries.js';
import { recipeSection } from './recipe-section.js';

/** A run whose model has a source, and some of what it names. */
function withSource(label: string, source: Record<string, string>) {
  const run = sampleRun({ label });
  return { ...run, config: { ...run.config, source } };
}

const rows = (text: string) =>
  [...text.matchAll(/<th scope="row">([^<]*)<\/th><td>(.*?)<\/td>/g)].map(([, path, cell]) => [
    path,
    cell!.replace(/<[^>]*>/g, ''),
  ]);

test('tells settings of every model from those of one, with values and sources', () => {
  const shared = { 'train.batchSize': 'a paper' };
  const { text } = recipeSection(
    groupEntries([
      withSource('CAT', { ...shared, layers: 'theirs', learningRates: 'tried' }),
      withSource('GLA', { ...shared, 'model.nowhere': 'lost <b>' }),
    ]),
  );
  const [run] = [sampleRun()];
  expect(text).toContain('<summary>Every model</summary>');
  expect(rows(text)).toEqual([
    ['train.batchSize', `${run!.config.train.batchSize} · a paper`],
    ['layers', `${run!.config.layers[0]!.mixer} · theirs`],
    ['learningRates', `${run!.config.learningRate} · tried`],
    ['model.nowhere', ' lost &lt;b&gt;'],
  ]);
});

test('is left out where no model has a source', () => {
  expect(recipeSection(groupEntries([sampleRun()])).text).toBe('');
});
