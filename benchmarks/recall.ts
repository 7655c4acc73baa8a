/**
 * `npm run bench:recall`: the tables of how well models recall, from what `mixerzoo run` has left of their experiments.
 * An experiment that has not been run, or not to its end, is named.
 *
 * Options: `--runs <directory>` (default runs). `--write` keeps the results in `benchmarks/results` and puts the tables into their documents,
 * with the README's picture.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { groupEntries } from '../packages/bench/src/report/entries.js';
import { loadRuns } from '../packages/bench/src/runs/read-results.js';
import { writeDocsTable } from './docs-table.js';
import { drawRecall } from './recall-chart.js';
import { RECALL_TABLES, type RecallResults, recallMarkdown } from './recall-table.js';

/** @throws Error for runs that are not finished, or of several settings. */
async function readRecall(directory: string): Promise<RecallResults> {
  const runs = await loadRuns(directory);
  const entries = groupEntries(runs);
  const outcomes = entries.map((entry) => {
    const missing = entry.open.filter(({ status }) => status !== 'leftOut').length;
    if (!entry.outcome || missing > 0 || entry.setting !== '') {
      const got = entry.setting === '' ? `${missing} runs of ${entry.label} that are not` : `one of ${entry.setting}`;
      throw new Error(
        `${directory}: expected finished runs of one setting, got ${got}. Run the experiment in a directory of its own.`,
      );
    }
    return { label: entry.label, trainLength: entry.trainLength, outcome: entry.outcome };
  });
  const first = outcomes[0]!;
  return {
    trainLength: first.trainLength,
    lengths: first.outcome.lengths.map(({ seqLen }) => seqLen),
    seeds: first.outcome.selected.length,
    models: outcomes.map(({ label, outcome: { parameters, learningRate, lengths, to99 } }) => ({
      model: label,
      parameters,
      learningRate,
      accuracies: lengths.map(({ accuracy }) => accuracy.value),
      stepsTo99: to99.reached > 0 ? to99.step : null,
      runsTo99: to99.reached,
    })),
  };
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: 'runs' }, write: { type: 'boolean' } } });
for (const { name, experiment, path } of RECALL_TABLES) {
  const directory = join(values.runs, name);
  if (!existsSync(directory)) {
    console.log(`${name}: not run yet: npx mixerzoo run ${experiment}`);
    continue;
  }
  const results = await readRecall(directory);
  const markdown = recallMarkdown(results);
  console.log(`${name}\n\n${markdown}\n`);
  if (!values.write) continue;
  const plot = name === 'quick' ? { plot: await drawRecall(results) } : {};
  await writeDocsTable(name, results, markdown, { path, ...plot });
}
