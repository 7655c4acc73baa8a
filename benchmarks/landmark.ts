/**
 * `npm run bench:landmark`: the table of how Landmark CAT recalls by the form of its training, soft and by hard retrieval, from what
 * `mixerzoo run benchmarks/landmark-gap.yaml` has left.
 *
 * Options: `--runs <directory>` (default runs/landmark-gap). `--write` keeps the results in `benchmarks/results` and puts the table into
 * docs/landmark.md.
 */
import { parseArgs } from 'node:util';
import { mean } from 'simple-statistics';
import { groupEntries } from '../packages/bench/src/report/entries.js';
import { loadRuns } from '../packages/bench/src/runs/read-results.js';
import { type DoneRun, isDone } from '../packages/bench/src/runs/results.js';
import { writeDocsTable } from './docs-table.js';
import { LANDMARK_TABLE, type LandmarkResults, landmarkMarkdown } from './landmark-table.js';

/** @throws Error for runs that are not finished. */
async function readLandmark(directory: string): Promise<LandmarkResults> {
  const entries = groupEntries(await loadRuns(directory));
  const rows = entries.map(({ label, trainLength, runs }) => {
    const done = runs.filter(isDone);
    if (done.length < runs.length) {
      throw new Error(
        `${directory}: expected finished runs, got ${runs.length - done.length} of '${label}' that are not. Run the experiment to its end.`,
      );
    }
    const lengths = done[0]!.config.testLengths;
    const tests = (read: (test: DoneRun['result']['test'][number]) => number | undefined) =>
      lengths.map((_, index) => done.map(({ result }) => read(result.test[index]!) ?? Number.NaN));
    const hard = tests(({ accuracy }) => accuracy);
    const means = (values: readonly number[][]) => values.map((ofSeeds) => mean(ofSeeds));
    return {
      trainLength,
      lengths,
      seeds: done.length,
      row: {
        model: label,
        soft: means(tests(({ softAccuracy }) => softAccuracy)),
        hard: means(hard),
        lowest: Math.min(...hard[lengths.indexOf(trainLength)]!),
      },
    };
  });
  const { trainLength, lengths, seeds } = rows[0]!;
  return { trainLength, lengths, seeds, models: rows.map(({ row }) => row) };
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: `runs/${LANDMARK_TABLE.name}` },
    write: { type: 'boolean', default: false },
  },
});
const results = await readLandmark(values.runs);
const markdown = landmarkMarkdown(results);
console.log(markdown);
if (values.write) await writeDocsTable(LANDMARK_TABLE.name, results, markdown, { path: LANDMARK_TABLE.path });
