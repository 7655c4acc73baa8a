import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchForSilence } from './start-worker.js';

describe('watchForSilence', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('calls back once for every silence of the given time, and not after the end', () => {
    const onSilence = vi.fn();
    const watch = watchForSilence(1000, onSilence);
    for (const at of [900, 1800, 2700]) {
      vi.advanceTimersByTime(900);
      expect(onSilence, `${at} ms, a word every 900`).not.toHaveBeenCalled();
      watch.heard();
    }
    vi.advanceTimersByTime(5000);
    expect(onSilence).toHaveBeenCalledTimes(1);
    watch.heard();
    vi.advanceTimersByTime(1000);
    expect(onSilence).toHaveBeenCalledTimes(2);
    watch.heard();
    watch.end();
    vi.advanceTimersByTime(5000);
    expect(onSilence).toHaveBeenCalledTimes(2);
  });

  it('waits for months where it is told to', () => {
    const onSilence = vi.fn();
    const watch = watchForSilence(60_000 * 1e9, onSilence);
    vi.advanceTimersByTime(24 * 3600_000);
    expect(onSilence).not.toHaveBeenCalled();
    watch.end();
  });
});
