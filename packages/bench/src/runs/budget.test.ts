import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createBudget } from './budget.js';
import type { RunOutcome } from './run-experiment.js';

const ended = (status: string) => ({ status }) as RunOutcome;
const never = () => false;

describe('createBudget', () => {
  it('ends the runs when its minutes are spent, and says what is missing', async () => {
    const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const budget = createBudget(0.0001);
    await sleep(50);
    expect(budget.rest.aborted).toBe(true);
    expect(budget.exitCode([ended('done'), ended('interrupted')], never)).toBe(3);
    expect(errors.mock.lastCall?.[0]).toContain(
      'The 0.0001 minutes are spent. 2 runs: 1 finished, 1 not begun. The same command goes on.',
    );
    errors.mockRestore();
  });

  it('has time beyond what a timer can count', async () => {
    const budget = createBudget(1e6);
    await sleep(20);
    expect(budget.signal.aborted).toBe(false);
    expect(budget.exitCode([ended('done')], never)).toBe(0);
  });

  it('tells success from runs that failed', () => {
    expect(createBudget(undefined).exitCode([ended('done'), ended('skipped'), ended('unneeded')], never)).toBe(0);
    expect(createBudget(undefined).exitCode([ended('done'), ended('failed')], never)).toBe(1);
  });

  it('has the runs saved when a cluster says that the time is up, and tells of those that are missing', async () => {
    const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const budget = createBudget(undefined);
    process.emit('SIGUSR1');
    expect([budget.rest.aborted, budget.signal.aborted]).toEqual([true, false]);
    expect(budget.exitCode([ended('done'), ended('interrupted'), ended('busy')], never)).toBe(3);
    expect(errors.mock.lastCall?.[0]).toContain('The time is up. 3 runs: 1 finished, 2 not begun.');
    errors.mockRestore();
  });

  it('tells runs that have begun from those that have not', () => {
    const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const statuses = ['done', 'skipped', 'failed', 'unneeded', 'leftOut', 'interrupted', 'interrupted', 'waiting'];
    const outcomes = statuses.map(ended);
    const begun = [outcomes[5], outcomes[7]];
    expect(createBudget(5).exitCode(outcomes, (outcome) => begun.includes(outcome))).toBe(3);
    expect(errors.mock.lastCall?.[0]).toContain(
      '8 runs: 2 finished, 1 failed, 2 not needed, 2 begun, 1 not begun. The same command goes on.',
    );
    errors.mockRestore();
  });
});
