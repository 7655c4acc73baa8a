/** What ends a command before its runs have ended: an interrupt, or the time it was given. */
import { print } from '../terminal.js';
import type { RunOutcome } from './run-experiment.js';

export interface Budget {
  readonly signal: AbortSignal;
  /** Says what is missing on standard error. 0: nothing; 1: runs that failed; 3: time was up; 130: interrupted. */
  exitCode(outcomes: readonly RunOutcome[]): number;
}

/** The longest a timer can run, ms: some 24 days. One that is set to more fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Starts to count the minutes, if any, and to listen for Ctrl-C, SIGTERM and the end of the terminal: the first ends the
 * runs, a second all.
 */
export function createBudget(maxMinutes: number | undefined): Budget {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupt.abort());
  const timeUp = new AbortController();
  const limit = maxMinutes === undefined ? undefined : Math.min(60_000 * maxMinutes, LONGEST_TIMER);
  const timer = limit === undefined ? undefined : setTimeout(() => timeUp.abort(), limit);
  timer?.unref();
  return {
    signal: AbortSignal.any([interrupt.signal, timeUp.signal]),
    exitCode(outcomes) {
      clearTimeout(timer);
      const missing = outcomes.filter(({ status }) => status === 'interrupted').length;
      if (interrupt.signal.aborted) {
        print('Interrupted. The same command goes on from the last checkpoints.', process.stderr);
        return 130;
      }
      if (missing > 0) {
        const minutes = maxMinutes === 1 ? 'minute is' : 'minutes are';
        print(
          `The ${maxMinutes} ${minutes} spent; ${missing} of ${outcomes.length} runs are missing. The same command goes on.`,
          process.stderr,
        );
        return 3;
      }
      return outcomes.some(({ status }) => status === 'failed' || status === 'busy') ? 1 : 0;
    },
  };
}
