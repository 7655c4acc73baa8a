/** The tables of documents between markers are those of the files of results that `-- --write` keeps beside them. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type DecodeResults, decodeMarkdown } from '../../../../benchmarks/decode-table.js';
import { readDocument, resultsFile, withTable } from '../../../../benchmarks/docs-table.js';
import { LANDMARK_TABLE, type LandmarkResults, landmarkMarkdown } from '../../../../benchmarks/landmark-table.js';
import { type LengthResults, lengthMarkdown } from '../../../../benchmarks/length-table.js';
import { MANY_RUNS_DOCUMENT, type ManyRunsResults, manyRunsMarkdown } from '../../../../benchmarks/many-runs-table.js';
import {
  CONTROLS_DOCUMENT,
  type ControlResults,
  controlsMarkdown,
} from '../../../../benchmarks/peers/control-table.js';
import { type PeerResults, peersMarkdown } from '../../../../benchmarks/peers/table.js';
import { drawRecall } from '../../../../benchmarks/recall-chart.js';
import { RECALL_TABLES, type RecallResults, recallMarkdown } from '../../../../benchmarks/recall-table.js';
import { repositoryFile } from '../../../../benchmarks/repository.js';

const TABLES: Readonly<Record<string, (results: unknown) => string>> = {
  peers: (results) => peersMarkdown(results as PeerResults, '####'),
  decode: (results) => decodeMarkdown(results as DecodeResults, '###'),
  length: (results) => lengthMarkdown(results as LengthResults, '###'),
};

describe('documents', () => {
  it.for(RECALL_TABLES)('say of $name what was trained', async ({ name, path }, context) => {
    const document = await readDocument(path);
    expect(() => withTable(document, name, '', path)).not.toThrow(); // the markers are there
    const text = await readFile(resultsFile(name), 'utf8').catch(() => undefined);
    if (text === undefined)
      return context.skip(
        `benchmarks/results has no ${name}.json: npx mixerzoo run ${name}, npm run bench:recall -- --write`,
      );
    const results: RecallResults = JSON.parse(text);
    expect(document).toBe(withTable(document, name, recallMarkdown(results), path));
  });

  it('show in the README what was trained', async () => {
    const results: RecallResults = JSON.parse(await readFile(resultsFile('quick'), 'utf8'));
    const picture = await readFile(repositoryFile('docs/images/quick.svg'), 'utf8');
    expect(picture, 'npm run docs:picture').toBe(await drawRecall(results));
    expect(await readDocument('README.md')).toContain('(docs/images/quick.svg)');
  });

  it('say of bench:controls how far PyTorch is', async () => {
    const results: ControlResults = JSON.parse(await readFile(resultsFile('controls'), 'utf8'));
    const document = await readDocument(CONTROLS_DOCUMENT);
    expect(document).toBe(withTable(document, 'controls', controlsMarkdown(results), CONTROLS_DOCUMENT));
  });

  it('say of check:many what commands take over thousands of runs', async (context) => {
    const document = await readDocument(MANY_RUNS_DOCUMENT);
    expect(() => withTable(document, 'many-runs', '', MANY_RUNS_DOCUMENT)).not.toThrow(); // the markers are there
    const text = await readFile(resultsFile('many-runs'), 'utf8').catch(() => undefined);
    if (text === undefined)
      return context.skip('benchmarks/results has no many-runs.json: npm run check:many -- --write');
    const results: ManyRunsResults = JSON.parse(text);
    expect(document).toBe(withTable(document, 'many-runs', manyRunsMarkdown(results), MANY_RUNS_DOCUMENT));
  });

  it('say of bench:landmark what was trained', async (context) => {
    const { name, path } = LANDMARK_TABLE;
    const document = await readDocument(path);
    expect(() => withTable(document, name, '', path)).not.toThrow(); // the markers are there
    const text = await readFile(resultsFile(name), 'utf8').catch(() => undefined);
    if (text === undefined)
      return context.skip(
        `benchmarks/results has no ${name}.json: npx mixerzoo run benchmarks/landmark-gap.yaml, npm run bench:landmark -- --write`,
      );
    const results: LandmarkResults = JSON.parse(text);
    expect(document).toBe(withTable(document, name, landmarkMarkdown(results), path));
  });
});

describe('docs/performance.md', () => {
  it.for(Object.keys(TABLES))('says of bench:%s what was measured', async (name, context) => {
    const text = await readFile(resultsFile(name), 'utf8').catch(() => undefined);
    if (text === undefined)
      return context.skip(`benchmarks/results has no ${name}.json: npm run bench:${name} -- --write`);
    const document = await readDocument();
    expect(document).toBe(withTable(document, name, (TABLES[name] as (typeof TABLES)[string])(JSON.parse(text))));
  });

  it('has to have the markers of a table', () => {
    expect(() => withTable('# Performance', 'peers', 'table')).toThrow(
      /expected docs\/performance.md to have the markers/,
    );
    const written = withTable('a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb', 'x', 'new\n');
    expect(written).toBe('a\n<!-- bench:x -->\n\nnew\n\n<!-- /bench:x -->\nb');
    expect(withTable(written, 'x', 'new')).toBe(written);
  });
});
