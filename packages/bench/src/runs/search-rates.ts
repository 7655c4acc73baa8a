/** Brings the runs of one model in one setting to their end where its learning rates are searched; see `search.ts`. */
import { type PlannedRun, runDirectory } from '../experiment/resolve-runs.js';
import { type ReadRun, readRun } from './read-results.js';
import type { RunOutcome } from './run-experiment.js';
import { followSearch, type Standing } from './search.js';

/** What became of a run that was to be trained to the end of an epoch, or to its own end. */
export type BroughtRun = RunOutcome | (Pick<RunOutcome, 'run' | 'directory'> & { readonly status: 'resting' });

export interface SearchOptions {
  readonly out: string;
  /** Trains a run to the end of an epoch; without one, to its own end. Must not reject. */
  train(run: PlannedRun, until?: number): Promise<BroughtRun>;
  /** Is told once what each run came to. */
  settle(run: PlannedRun, outcome: RunOutcome): void;
  /** Is told of a run that waits for the others of its rung, at the end of an epoch. */
  onRest(run: PlannedRun, epoch: number): void;
  /** Whether the command has been ended. */
  isAborted(): boolean;
}

/**
 * Trains all rates from rung to rung, then the one chosen with the other seeds. After each rung the records say who goes on.
 * @param runs of one model: every rate at every seed.
 */
export async function searchRates(runs: readonly PlannedRun[], options: SearchOptions): Promise<void> {
  const { seed } = runs[0]!.config.search!;
  const open = new Set(runs);
  const trials = runs.filter(({ config }) => config.seed === seed);
  const end = (run: PlannedRun, outcome: Ending) => {
    open.delete(run);
    options.settle(run, { run, directory: runDirectory(options.out, run), ...outcome });
  };
  let brought: readonly Brought[] = [];
  for (;;) {
    const { read, standingOf, chosen } = await look(runs, options.out);
    const resultOf = (run: PlannedRun) => {
      const result = read.get(run)!.result;
      return result?.status === 'done' ? ({ status: 'skipped', result } as const) : undefined;
    };
    for (const run of trials.filter((trial) => open.has(trial))) {
      const standing = standingOf(run);
      if (standing.kind === 'due' || standing.kind === 'waiting') continue;
      end(run, resultOf(run) ?? endOf(standing, read.get(run)!));
    }
    const due = trials.filter((run) => standingOf(run).kind === 'due');
    const stuck = brought.filter(({ run, until }) => due.includes(run) && untilOf(standingOf(run)) === until);
    for (const { run, until, outcome } of stuck) {
      if (open.has(run)) end(run, outcome.status === 'resting' ? unreadable(until) : outcome);
    }
    if (due.length === 0 || stuck.length > 0) {
      const needed = [...open].filter((run) => chosen !== undefined && run.config.learningRate === chosen);
      for (const run of [...open].filter((other) => !needed.includes(other))) {
        end(run, resultOf(run) ?? (stuck.length > 0 ? heldUp(options) : unneeded(chosen)));
      }
      await Promise.all(
        needed.map(async (run) => end(run, resultOf(run) ?? ((await options.train(run)) as RunOutcome))),
      );
      return;
    }
    brought = await Promise.all(
      due.map(async (run) => {
        const until = untilOf(standingOf(run));
        const outcome = await options.train(run, until);
        if (outcome.status === 'resting') options.onRest(run, until!);
        else if ('result' in outcome) end(run, outcome);
        return { run, until, outcome };
      }),
    );
  }
}

type Ending = RunOutcome extends infer O ? (O extends RunOutcome ? Omit<O, 'run' | 'directory'> : never) : never;

interface Brought {
  readonly run: PlannedRun;
  readonly until: number | undefined;
  readonly outcome: BroughtRun;
}

/** What the records say. */
async function look(runs: readonly PlannedRun[], out: string) {
  const read = new Map<PlannedRun, ReadRun>();
  // The command has named what cannot be read.
  for (const run of runs) read.set(run, await readRun(runDirectory(out, run), () => {}, run.config.id));
  const { standings, chosen } = followSearch(runs.map((run) => ({ ...read.get(run)!, config: run.config })))!;
  return { read, standingOf: ({ config }: PlannedRun) => standings.get(config.learningRate)!, chosen };
}

const untilOf = (standing: Standing) => (standing.kind === 'due' ? standing.until : undefined);

/** Of a run without a result. */
function endOf(standing: Standing, { result }: ReadRun): Ending {
  if (standing.kind === 'leftOut') return { status: 'leftOut', message: standing.message };
  return { status: 'failed', message: result?.status === 'failed' ? result.message : 'expected a result, got none.' };
}

const unreadable = (epoch: number | undefined): Ending => ({
  status: 'failed',
  message: `expected a record of epoch ${epoch}, got none that can be read. Look at its metrics.jsonl.`,
});

const heldUp = ({ isAborted }: SearchOptions): Ending =>
  isAborted()
    ? { status: 'interrupted' }
    : { status: 'waiting', message: 'waits for other learning rates of the model' };

const unneeded = (chosen: number | undefined): Ending => ({
  status: 'unneeded',
  message:
    chosen === undefined
      ? 'not needed: all learning rates have diverged'
      : `not needed: the search has chosen the learning rate ${chosen}`,
});
