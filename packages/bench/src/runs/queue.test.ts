import PQueue from 'p-queue';
import { describe, expect, it } from 'vitest';
import { runInOrder, threadsPerRun } from './queue.js';

/** Starts items by hand: `log` has what was started, `end` brings an item to its end. */
function byHand(items: readonly string[], workers: number, chainOf: (item: string) => string | undefined) {
  const log: string[] = [];
  const open = new Map<string, () => void>();
  const done = runInOrder(items, {
    queue: new PQueue({ concurrency: workers }),
    chainOf,
    start(item, before: string | undefined) {
      log.push(before === undefined ? item : `${item} after ${before}`);
      return new Promise<string>((resolve) => open.set(item, () => resolve(item.toUpperCase())));
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    log,
    done,
    settle,
    async end(item: string) {
      open.get(item)?.();
      await settle();
    },
  };
}

describe('runInOrder', () => {
  it('starts items in order, as many at a time as there are workers', async () => {
    const { log, done, settle, end } = byHand(['a', 'b', 'c'], 2, () => undefined);
    await settle();
    expect(log).toEqual(['a', 'b']);
    await end('b');
    expect(log).toEqual(['a', 'b', 'c']);
    await end('c');
    await end('a');
    expect(await done).toEqual(['A', 'B', 'C']);
  });

  it('makes an item wait for its chain, and lets others pass meanwhile', async () => {
    const { log, done, settle, end } = byHand(['x1', 'x2', 'y1', 'x3'], 2, (item) => item[0]);
    await settle();
    expect(log).toEqual(['x1', 'y1']);
    await end('y1');
    expect(log).toHaveLength(2);
    await end('x1');
    await end('x2');
    await end('x3');
    expect(log.slice(2)).toEqual(['x2 after X1', 'x3 after X2']);
    expect(await done).toEqual(['X1', 'X2', 'Y1', 'X3']);
  });

  it('comes to nothing for nothing', async () => {
    expect(await runInOrder([], { queue: new PQueue(), chainOf: () => undefined, start: async () => 1 })).toEqual([]);
  });
});

describe('threadsPerRun', () => {
  it('shares the cores among the runs, one at least and no more than kernels can use', () => {
    expect([1, 2, 3, 9].map((concurrent) => threadsPerRun(concurrent, 6, undefined))).toEqual(['6', '3', '2', '1']);
    expect(threadsPerRun(1, 64, undefined)).toBe('8');
    expect(threadsPerRun(1, 4, '')).toBe('4');
  });

  it('leaves what the user asked for', () => {
    expect(threadsPerRun(1, 8, '3')).toBe('3');
  });
});
