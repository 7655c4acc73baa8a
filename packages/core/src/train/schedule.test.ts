import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSchedule, type ScheduleConfig } from './schedule.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

const run = { learningRate: 0.1, epochs: 4, stepsPerEpoch: 5 };
const rates = (config: ScheduleConfig) => Array.from({ length: 20 }, (_, step) => createSchedule(config, run)(step));

describe('createSchedule', () => {
  it('is constant by default', () => {
    expect(rates({})).toEqual(Array(20).fill(0.1));
  });

  it('follows a cosine from step to step', () => {
    const values = rates({ name: 'cosine' });
    expect(values[0]).toBe(0.1);
    expect(values[10]).toBeCloseTo(0.05, 12);
    expect(values[19]).toBeCloseTo(0.05 * (1 + Math.cos((Math.PI * 19) / 20)), 12);
    expect(createSchedule({ name: 'cosine' }, run)(20)).toBeCloseTo(0, 12);
  });

  it('follows a cosine from epoch to epoch', () => {
    const values = rates({ name: 'cosinePerEpoch', minLearningRate: 0.02 });
    expect(new Set(values).size).toBe(4);
    expect(values[4]).toBe(0.1);
    expect(values[10]).toBeCloseTo(0.06, 12);
  });

  it('warms up linearly, then follows what remains', () => {
    const values = rates({ name: 'cosine', warmupSteps: 4 });
    expect(values.slice(0, 5)).toEqual([0.025, 0.05, 0.075, 0.1, 0.1].map((rate) => expect.closeTo(rate, 12)));
    expect(values[12]).toBeCloseTo(0.05, 12);
  });

  it('warms up from above zero', () => {
    const values = rates({ name: 'cosine', warmupSteps: 4, warmupFrom: 0.02, minLearningRate: 0.01 });
    expect(values.slice(0, 5)).toEqual([0.04, 0.06, 0.08, 0.1, 0.1].map((rate) => expect.closeTo(rate, 12)));
    const refused = /warmupFrom: expected at most the learning rate 0.1, and warmupSteps/;
    expect(() => rates({ warmupSteps: 4, warmupFrom: 0.2 })).toThrow(refused);
    expect(() => rates({ warmupFrom: 0.05 })).toThrow(refused);
  });

  it('stays between the least rate and the full one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('constant' as const, 'cosine' as const, 'cosinePerEpoch' as const),
        fc.nat({ max: 20 }),
        fc.nat({ max: 60 }),
        (name, warmupSteps, step) => {
          const minLearningRate = name === 'constant' ? 0 : 0.01;
          const rate = createSchedule({ name, warmupSteps, minLearningRate }, run)(step);
          expect(rate).toBeGreaterThan(0);
          expect(rate).toBeLessThanOrEqual(0.1 + 1e-12);
          if (step >= warmupSteps) expect(rate).toBeGreaterThanOrEqual(minLearningRate - 1e-12);
        },
      ),
    );
  });

  it('refuses what it does not know', () => {
    expect(() => createSchedule({ name: 'linear' } as never, run)).toThrow(/schedule: name/);
  });

  it('refuses what does not fit the run', () => {
    const make = (config: ScheduleConfig) => () => createSchedule(config, run);
    expect(make({ warmupSteps: 20 })).not.toThrow();
    expect(make({ warmupSteps: 21 })).toThrow(/warmupSteps: expected at most the run's 20 steps, got 21\./);
    expect(make({ name: 'cosine', minLearningRate: 0.1 })).not.toThrow();
    expect(make({ name: 'cosine', minLearningRate: 0.98 })).toThrow(
      /minLearningRate: expected at most the learning rate 0\.1, got 0\.98\./,
    );
    expect(make({ minLearningRate: 0.01 })).toThrow(/minLearningRate: expected 0 beside the schedule 'constant'/);
  });
});
