import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgressView, formatDuration, formatProgress, terminalWidth } from './progress.js';
import type { RunProgress } from './run-progress.js';

const progress: RunProgress = {
  phase: 'training',
  epoch: 2,
  epochs: 16,
  step: 120,
  steps: 800,
  loss: 2.3456,
  accuracy: 0.412,
  validationAccuracy: 0.4,
  validationLoss: 2.2,
  stepsPerSecond: 34,
};

function collect() {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  }) as unknown as NodeJS.WriteStream;
  return { stream, text: () => text };
}

describe('formatProgress', () => {
  it('tells loss, accuracy, speed and the time left', () => {
    expect(formatProgress(progress)).toBe(
      'step 120/800  loss 2.35  accuracy 41.2 %  validation 40.0 %  34.0 steps/s  0:20 left',
    );
    expect(formatProgress({ ...progress, phase: 'testing' })).toMatch(/testing$/);
    expect(
      formatProgress({ ...progress, loss: null, accuracy: null, validationAccuracy: null, stepsPerSecond: null }),
    ).toBe('step 120/800');
  });

  it('tells nats and tokens by likelihood', () => {
    const likelihood = { tokensPerSecond: 12_345, peakShare: 0.412 };
    expect(formatProgress({ ...progress, likelihood })).toBe(
      'step 120/800  loss 2.35 nats  validation 2.20 nats  12.3K tokens/s (41 % of peak)  0:20 left',
    );
    expect(formatProgress({ ...progress, likelihood: { ...likelihood, peakShare: null } })).toContain(
      '12.3K tokens/s  0',
    );
  });

  it('writes durations', () => {
    expect([7, 760, 11100].map(formatDuration)).toEqual(['0:07', '12:40', '3:05:00']);
  });
});

describe('createProgressView', () => {
  it('prints plain lines away from a terminal, one a run every five seconds', () => {
    const { stream, text } = collect();
    let time = 10_000;
    const view = createProgressView(stream, () => time);
    view.update('A', progress);
    view.update('A', progress);
    view.update('B', progress);
    time += 5_000;
    view.update('A', { ...progress, step: 130 });
    view.line('A is done', 'A');
    view.close();
    expect(
      text()
        .split('\n')
        .map((line) => line.slice(0, 11)),
    ).toEqual(['A: step 120', 'B: step 120', 'A: step 130', 'A is done', '']);
  });

  it('keeps a line for each run on a terminal', () => {
    const { stream, text } = collect();
    Object.assign(stream, { isTTY: true, columns: 120, rows: 24 });
    const view = createProgressView(stream);
    view.update('A', progress);
    view.update('longer', progress);
    view.line('A is done', 'A');
    view.close();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what a terminal gets
    const plain = text().replace(/\u001b\[[\d;?]*[a-zA-Z]/g, '');
    expect(plain).toMatch(/A {7}█+░+ {2}step 120\/800/);
    expect(plain).toMatch(/longer {2}█+░+ {2}step 120\/800/);
    expect(plain).toMatch(/A is done\n/);
  });
});

it('takes a terminal that does not tell its columns for a usual one', () => {
  const { stream, text } = collect();
  const terminal = Object.assign(stream, { isTTY: true as const, columns: 0 });
  expect(terminalWidth(terminal)).toEqual({ width: 80 });
  const view = createProgressView(terminal);
  view.update('CAT', progress);
  view.close();
  expect(text()).toContain('loss 2.35');
  expect(terminalWidth(collect().stream)).toEqual({});
});
