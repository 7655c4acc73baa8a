/** What ends a command before its runs have ended: an interrupt, or the time it was given. */
import { plural } from '../report/format.js';
import { print } from '../terminal.js';
import type { RunOutcome } from './run-experiment.js';

export interface Budget {
  /** Ends the workers at once. */
  readonly signal: AbortSignal;
  /** Has them save what they are at, and end. */
  readonly rest: AbortSignal;
  /**
   * Says what is missing on standard error. 0: nothing; 1: runs that failed; 3: time was up; 130: interrupted.
   * @param hasBegun whether anything of a run that did not end is on disk: the next command goes on from there.
   */
  exitCode(outcomes: readonly RunOutcome[], hasBegun: (outcome: RunOutcome) => boolean): number;
}

/** The longest a timer can run, ms: some 24 days. One that is set to more fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** What workers have for a step and a checkpoint where the time is up. */
const LAST_MS = 20_000;

/**
 * Starts to count the minutes, if any, and to listen: Ctrl-C and the end of the terminal end the runs at once, SIGTERM once they are
 * saved; a second such signal ends all. SIGUSR1 says that the time is up, as a cluster does.
 */
export function createBudget(maxMinutes: number | undefined): Budget {
  const [interrupt, rest, timeUp] = [new AbortController(), new AbortController(), new AbortController()];
  let isInterrupted = false;
  const limit = maxMinutes === undefined ? undefined : Math.min(60_000 * maxMinutes, LONGEST_TIMER);
  const timers = [
    limit !== undefined && setTimeout(() => rest.abort(), limit),
    limit !== undefined && setTimeout(() => timeUp.abort(), Math.min(limit + LAST_MS, LONGEST_TIMER)),
  ].filter((timer) => timer !== false);
  for (const timer of timers) timer.unref();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      isInterrupted = true;
      (signal === 'SIGTERM' ? rest : interrupt).abort();
    });
  }
  if (process.platform !== 'win32') process.on('SIGUSR1', () => rest.abort());
  return {
    signal: AbortSignal.any([interrupt.signal, timeUp.signal]),
    rest: rest.signal,
    exitCode(outcomes, hasBegun) {
      for (const timer of timers) clearTimeout(timer);
      const open = outcomes.filter(({ status }) => OPEN.includes(status));
      if (isInterrupted) {
        print('Interrupted. The same command goes on from the last checkpoints.', process.stderr);
        return 130;
      }
      if (open.length > 0) {
        const minutes = maxMinutes === 1 ? 'minute is' : 'minutes are';
        const spent = maxMinutes === undefined ? 'The time is up' : `The ${maxMinutes} ${minutes} spent`;
        const standing = countStanding(outcomes, open.filter(hasBegun).length);
        print(`${spent}. ${plural(outcomes.length, 'run')}: ${standing}. The same command goes on.`, process.stderr);
        return 3;
      }
      return outcomes.some(({ status }) => status === 'failed') ? 1 : 0;
    },
  };
}

/** Of runs that did not end. */
const OPEN: readonly RunOutcome['status'][] = ['interrupted', 'busy', 'waiting'];

/** `4 finished, 2 begun, 6 not begun`. */
function countStanding(outcomes: readonly RunOutcome[], begun: number): string {
  const count = (...statuses: RunOutcome['status'][]) =>
    outcomes.filter(({ status }) => statuses.includes(status)).length;
  const counts = [
    [count('failed'), 'failed'],
    [count('unneeded', 'leftOut'), 'not needed'],
    [begun, 'begun'],
    [count(...OPEN) - begun, 'not begun'],
  ] as const;
  const others = counts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
  return [`${count('done', 'skipped')} finished`, ...others].join(', ');
}
