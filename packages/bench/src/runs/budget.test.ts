import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createBudget } from './budget.js';
import type { RunOutcome } from './run-experiment.js';

const ended = (status: string) => ({ status }) as RunOutcome;

describe('createBudget', () => {
  it('ends the runs when its minutes are spent, and says what is missing', async () => {
    const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const budget = createBudget(0.0001);
    await sleep(50);
    expect(budget.rest.aborted).toBe(true);
    expect(budget.exitCode([ended('done'), ended('interrupted')])).toBe(3);
    expect(errors.mock.lastCall?.[0]).toContain('1 of 2 runs are missing');
    errors.mockRestore();
  });

  it('has time beyond what a timer can count', async () => {
    const budget = createBudget(1e6);
    await sleep(20);
    expect(budget.signal.aborted).toBe(false);
    expect(budget.exitCode([ended('done')])).toBe(0);
  });

  it('tells success from runs that failed', () => {
    expect(createBudget(undefined).exitCode([ended('done'), ended('skipped'), ended('unneeded')])).toBe(0);
    expect(createBudget(undefined).exitCode([ended('done'), ended('failed')])).toBe(1);
  });

  it('has the runs saved when a cluster says that the time is up, and tells of those that are missing', async () => {
    const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const budget = createBudget(undefined);
    process.emit('SIGUSR1');
    expect([budget.rest.aborted, budget.signal.aborted]).toEqual([true, false]);
    expect(budget.exitCode([ended('done'), ended('interrupted'), ended('busy')])).toBe(3);
    expect(errors.mock.lastCall?.[0]).toContain('The time is up; 2 of 3 runs are missing');
    errors.mockRestore();
  });
});
