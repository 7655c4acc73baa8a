import { describe, expect, it } from 'vitest';
import { createRunQueue, createSearchTurns, runInOrder, threadsPerRun } from './queue.js';

/** Starts items by hand: `log` has what was started, `end` brings an item to its end. */
function byHand(items: readonly string[], workers: number, chainOf: (item: string) => string | undefined) {
  const log: string[] = [];
  const open = new Map<string, () => void>();
  const done = runInOrder(items, {
    queue: createRunQueue(workers),
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
    expect(await runInOrder([], { queue: createRunQueue(1), chainOf: () => undefined, start: async () => 1 })).toEqual(
      [],
    );
  });
});

/** Work done by hand. */
function work() {
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    log,
    settle,
    of: (name: string) => () => {
      log.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    },
    async end(name: string) {
      ends.get(name)?.();
      await settle();
    },
  };
}

describe('createRunQueue', () => {
  it('goes by priority, and in the order of coming where that is the same', async () => {
    const { log, of, end, settle } = work();
    const queue = createRunQueue(1);
    for (const [name, priority] of Object.entries({ a: 0, b: -1, c: 1, d: 0 })) void queue.add(of(name), { priority });
    await settle();
    for (const name of ['a', 'c', 'd', 'b']) await end(name);
    expect(log).toEqual(['a', 'c', 'd', 'b']);
    expect(queue.size).toBe(0);
  });

  it('has what a worker at rest can do first, and all else where none can', async () => {
    const { log, of, end } = work();
    const atRest = new Set(['B']);
    const queue = createRunQueue(1, (model) => atRest.has(model));
    for (const name of ['A1', 'A2', 'B1', 'A3', 'B2', 'C1']) void queue.add(of(name), { model: name[0]! });
    for (const name of ['A1', 'B1', 'B2']) await end(name);
    atRest.clear();
    for (const name of ['A2', 'A3', 'C1']) await end(name);
    expect(log).toEqual(['A1', 'B1', 'B2', 'A2', 'A3', 'C1']);
  });
});

describe('createSearchTurns', () => {
  it('keeps the place of the last of a rung until the search goes on, or ends', async () => {
    const { log, of, end, settle } = work();
    const queue = createRunQueue(1);
    const turns = createSearchTurns(queue, 'A');
    const rung = [turns.take(of('A1'), 0), turns.take(of('A2'), 0)];
    void queue.add(of('other'), { priority: -1 });
    void queue.add(of('last'), { priority: -2 });
    await end('A1');
    await end('A2');
    expect(await Promise.all(rung)).toEqual(['A1', 'A2']);
    await settle();
    expect(log).toEqual(['A1', 'A2']);
    const next = turns.take(of('A3'), 0);
    await settle();
    expect(log).toEqual(['A1', 'A2', 'A3']);
    await end('A3');
    expect(await next).toBe('A3');
    expect(log).toHaveLength(3);
    turns.end();
    await settle();
    expect(log).toEqual(['A1', 'A2', 'A3', 'other']);
    await end('other');
    expect(log.at(-1)).toBe('last');
  });

  it('fails with its work, and gives the place up', async () => {
    const queue = createRunQueue(1);
    const turns = createSearchTurns(queue, 'A');
    await expect(turns.take(() => Promise.reject(new Error('no')), 0)).rejects.toThrow('no');
    expect(await queue.add(async () => 'next')).toBe('next');
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
