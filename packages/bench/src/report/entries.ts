/**
 * From runs to what a report compares: an entry is a model in a setting, with all its learning rates and seeds.
 *
 * The learning rate of an entry is selected by mean accuracy, or by likelihood mean loss, on the *validation* examples (see
 * `learning-rate.ts`); what is reported is on the test examples: the mean over the seeds at that rate, and the best run (again by
 * validation) as papers report it.
 */
import { isDone, type RunRecord } from '../runs/results.js';
import { measureOf, type RunConfig } from '../runs/run-config.js';
import { followSearch, type SearchState, whyLeftOut } from '../runs/search.js';
import { formatCount, formatOptions, formatSeconds, plural } from './format.js';
import { type LengthOutcome, measureOutcome, type Outcome } from './outcome.js';
import type { Measure } from './score.js';

/** A run without a result to report, and why. One that a search has left out is as it should be. */
interface OpenRun {
  readonly config: RunConfig;
  readonly status: 'failed' | 'partial' | 'missing' | 'leftOut';
  readonly message: string;
}

/** A model in a setting. */
export interface Entry {
  readonly label: string;
  /** What tells its setting from the others of the report (`d 64, L 128`); empty when there is one setting. */
  readonly setting: string;
  readonly trainLength: number;
  /** What its results are judged by. */
  readonly measure: Measure;
  readonly runs: readonly RunRecord[];
  readonly open: readonly OpenRun[];
  /** What its finished runs measured; absent while there is none. */
  readonly outcome: Outcome | undefined;
}

/**
 * Groups runs into entries, in order of setting, then score (at the training length, then at the longest), then
 * label; entries without a finished run come last in their setting.
 * @param planned configs of the experiment's runs, started or not; those without a record are shown as missing.
 */
export function groupEntries(runs: readonly RunRecord[], planned: readonly RunConfig[] = []): Entry[] {
  const groups = new Map<string, Map<string, RunRecord>>();
  for (const run of [...runs, ...planned.map(unstarted)]) {
    const key = entryKey(run.config);
    const group = groups.get(key) ?? new Map<string, RunRecord>();
    groups.set(key, group);
    // A copy of a run (a backup among the runs) is no other seed.
    const twin = group.get(run.config.id);
    if (!twin || (isDone(run) && !isDone(twin))) group.set(run.config.id, run);
  }
  const grouped = [...groups.values()].map((group) => [...group.values()]);
  const described = describeSettings(grouped.map((group) => group[0]!.config));
  const entries = distinguish(grouped.map((group, index) => toEntry(group, described[index]!)));
  const place = new Map([...new Set(described)].map((setting, index) => [setting, index]));
  return entries.sort(
    (a, b) =>
      place.get(a.setting)! - place.get(b.setting)! ||
      rank(b) - rank(a) ||
      longest(b) - longest(a) ||
      a.label.localeCompare(b.label),
  );
}

/**
 * Adds to labels that several entries of a setting share what tells them apart: the code that made them where that is all
 * (`CAT (@mixerzoo/cat 0.1.0)`), else a run's id: the same name, configured otherwise.
 */
function distinguish(entries: readonly Entry[]): Entry[] {
  const name = ({ setting, label }: Entry) => `${setting}, ${label}`;
  const byName = new Map<string, Entry[]>();
  for (const entry of entries) {
    const twins = byName.get(name(entry));
    if (twins) twins.push(entry);
    else byName.set(name(entry), [entry]);
  }
  return entries.map((entry) => {
    const twins = byName.get(name(entry))!;
    return twins.length === 1 ? entry : { ...entry, label: `${entry.label} (${markAmong(entry, twins)})` };
  });
}

function markAmong(entry: Entry, twins: readonly Entry[]): string {
  const { id, code } = entry.runs[0]!.config;
  const codes = twins.map(({ runs }) => runs[0]!.config.code);
  const own = Object.entries(code).filter(([name, value]) => codes.some((other) => other[name] !== value));
  const distinct = new Set(codes.map((other) => JSON.stringify(other))).size === twins.length;
  if (!distinct || own.length === 0 || own.length > MOST_MARKS) return id;
  return own.map(([name, value]) => `${name} ${value}`).join(', ');
}

/** More than these differences of code do not fit a label. */
const MOST_MARKS = 2;

/** The length a run trains at, as its task says. */
function trainLengthOf(config: RunConfig): number {
  const seqLen = config.task.config.seqLen;
  return typeof seqLen === 'number' ? seqLen : (config.testLengths[0] ?? Number.NaN);
}

/** Everything but what an entry averages over. */
function entryKey(config: RunConfig): string {
  const { experiment, label, task, model, layers, code, train, testLengths, engine } = config;
  const { freeRunning, extendContext } = config;
  return JSON.stringify([
    experiment,
    label,
    task,
    model,
    layers,
    code,
    train,
    testLengths,
    freeRunning,
    extendContext,
    engine,
  ]);
}

function unstarted(config: RunConfig): RunRecord {
  return { directory: '', config, environment: undefined, steps: [], epochs: [], result: undefined };
}

function toEntry(all: readonly RunRecord[], setting: string): Entry {
  const { config } = all[0]!;
  const search = followSearch(all);
  const runs = search ? all.filter((run) => run.directory !== '' || isDue(run, search)) : all;
  return {
    label: config.label,
    setting,
    trainLength: trainLengthOf(config),
    measure: measureOf(config),
    runs,
    open: runs.flatMap((run) => openRun(run, search)),
    outcome: measureOutcome(runs, trainLengthOf(config), search),
  };
}

/** Whether the search calls for a run that is not there: of a rate that it tries, or has chosen. */
function isDue({ config: { seed, learningRate } }: RunRecord, search: SearchState): boolean {
  return seed === search.seed || learningRate === search.chosen;
}

function openRun(run: RunRecord, search: SearchState | undefined): OpenRun[] {
  const { config, result } = run;
  if (result?.status === 'done') return [];
  const leftOut = search && whyLeftOut(search, config);
  if (leftOut !== undefined) return [{ config, status: 'leftOut', message: leftOut }];
  if (result) return [{ config, status: 'failed', message: result.message }];
  if (run.directory === '') return [{ config, status: 'missing', message: 'not started' }];
  const last = run.epochs.at(-1);
  const done = last
    ? `${last.epoch} of ${plural(config.train.epochs, 'epoch')} done (step ${formatCount(last.step)}, ${formatSeconds(last.seconds)})`
    : 'no epoch done yet';
  if (config.seed === search?.seed && search.standings.get(config.learningRate)?.kind === 'waiting') {
    const message = `${done}; other learning rates are to be compared with it`;
    return [{ config, status: 'partial', message }];
  }
  // It may be under way, or have been stopped: the report need not know.
  return [{ config, status: 'partial', message: `${done}; the same command goes on from there` }];
}

/** Higher is better. */
function goodness(
  { measure }: Entry,
  outcome: Pick<LengthOutcome, 'accuracy'> | undefined,
  loss: number | undefined,
): number {
  if (!outcome || loss === undefined) return Number.NEGATIVE_INFINITY;
  return measure === 'likelihood' ? -loss : outcome.accuracy.value;
}

const rank = (entry: Entry) => goodness(entry, entry.outcome, entry.outcome?.loss.value);

function longest(entry: Entry): number {
  const last = entry.outcome?.lengths.at(-1);
  return goodness(entry, last, last?.loss);
}

/**
 * For each config, the facets that tell it from the others; empty strings when nothing differs. A facet that tells no
 * more than those before it (the pairs that go with a length) is left out.
 */
function describeSettings(configs: readonly RunConfig[]): string[] {
  const facets: ((config: RunConfig) => string)[] = [
    (config) => config.task.name,
    (config) => `d ${config.model.dModel}`,
    (config) => `L ${trainLengthOf(config)}`,
    (config) => config.experiment,
    ...taskOptions(configs),
    (config) => plural(config.train.epochs * config.train.stepsPerEpoch, 'step'),
    (config) => `batch ${config.train.batchSize}`,
    ...weightDecays(configs),
    (config) => `engine ${config.engine}`,
  ];
  const join = (texts: readonly string[]) => texts.filter((text) => text !== '').join(', ');
  let described = configs.map(() => '');
  for (const facet of facets) {
    const further = configs.map((config, index) => join([described[index]!, facet(config)]));
    if (new Set(further).size > new Set(described).size) described = further;
  }
  return described;
}

/** The weight decay, where a model is trained with several; else it may be a model's own, and no setting. */
function weightDecays(configs: readonly RunConfig[]): ((config: RunConfig) => string)[] {
  const models = new Set(configs.map(({ label }) => label));
  const trained = new Set(configs.map(({ label, train }) => `${label} ${train.weightDecay}`));
  return trained.size === models.size ? [] : [({ train }) => `decay ${train.weightDecay}`];
}

/** The task's options but for the length, a facet each. */
function taskOptions(configs: readonly RunConfig[]): ((config: RunConfig) => string)[] {
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config.task.config)))];
  return keys
    .filter((key) => key !== 'seqLen')
    .map(
      (key) =>
        ({ task: { config } }) =>
          config[key] === undefined ? '' : formatOptions({ [key]: config[key] }),
    );
}

/** True where answers are told apart. */
export const hasSlices = ({ outcome }: Entry): boolean =>
  outcome?.lengths.some(({ slices }) => slices.length > 0) === true;
