/** `mixerzoo run`: an experiment from config to report. */
import { join, relative, resolve } from 'node:path';
import { snapshotSource } from '../cluster/snapshot.js';
import { type ExperimentSource, loadExperiment } from '../experiment/experiment-source.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { workerSource } from '../experiment/worker-source.js';
import { plural } from '../report/format.js';
import { assertOwnReport } from '../report/report-owner.js';
import { writeIndex } from '../report/write-index.js';
import { formatTable, writeReport } from '../report/write-report.js';
import { exclusively } from '../runs/lease.js';
import { terminalWidth } from '../runs/progress.js';
import { displayNames } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { parseSource, type SourceFlags, type TrainingFlags } from './flags.js';
import { printPlan } from './print-plan.js';
import { toJson, train } from './train.js';

/** @returns the exit code. */
export async function run(target: string | undefined, flags: SourceFlags & TrainingFlags): Promise<number> {
  const cwd = process.cwd();
  const registry = await findPlugins(cwd);
  const source = await parseSource(target, flags, cwd, registry);
  const out = resolve(cwd, flags.out?.at(-1) ?? 'runs');
  const loaded = await loadExperiment(source, registry);
  const { experiment } = loaded;
  const runs = await resolveRuns(loaded, registry);
  if (flags.dryRun) {
    return printPlan(runs, out, flags.json);
  }
  const forWorkers = await workerSource(source, loaded);
  const description = runs[0]!.config.description;
  const place = join(out, experiment.name);
  const owner = { source: await nameSource(source, place) };
  await assertOwnReport(place, { experiments: [experiment.name], ...owner });
  const { outcomes, planned, records, stream, faults, exitCode } = await train(runs, flags, {
    sourceOf: () => forWorkers,
    cwd,
    out,
    place,
    heading: (atATime) => [`${experiment.name}: ${plural(runs.length, 'run')}, ${atATime} at a time.`, description],
  });
  // Its own words: runs that were done before may have those of an experiment that was another then.
  const paths = await exclusively([place], () => writeReport(records, place, { planned, description, ...owner }));
  await exclusively([out], () => writeIndex(out, faults.count));
  if (flags.json) {
    const result = { experiment: experiment.name, report: paths, runs: outcomes.map(toJson) };
    printJson(result);
  } else {
    print(`\n${formatTable(records, { planned, ...terminalWidth(stream) })}`, stream);
    const names = displayNames(runs);
    for (const outcome of outcomes) {
      if (outcome.status !== 'failed') continue;
      print(`\n${names.get(outcome.run)} failed: ${outcome.message}\n  ${outcome.directory}`, stream);
    }
    print(`\nReport: ${paths.page}`, stream);
  }
  return exitCode();
}

/** What a report says it is of: a preset, or a file by its path from the report. */
async function nameSource({ preset, file }: ExperimentSource, place: string): Promise<string> {
  if (file === undefined) return `preset ${preset}`;
  return (await snapshotSource(file)) ?? relative(place, file);
}
