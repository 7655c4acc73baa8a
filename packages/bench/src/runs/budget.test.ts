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
    expect(budget.signal.aborted).toBe(true);
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

  it('tells success from runs that failed or are under way elsewhere', () => {
    expect(createBudget(undefined).exitCode([ended('done'), ended('skipped'), ended('unneeded')])).toBe(0);
    expect(createBudget(undefined).exitCode([ended('done'), ended('failed')])).toBe(1);
    expect(createBudget(undefined).exitCode([ended('busy')])).toBe(1);
  });
});
