/** The playground over time: it trains and begins anew, and needs no more memory than at first. */
import { assert, untilStep } from './playground-page.mjs';

/** Tensors of the workers and the heap of the page after so many minutes of training and beginning anew, beside those at first. */
export async function keepsItsMemory(page, address, minutes) {
  await page.addInitScript(() => {
    globalThis.tensors = [];
    const Original = Worker;
    globalThis.Worker = class extends Original {
      constructor(...given) {
        super(...given);
        globalThis.workers = (globalThis.workers ?? 0) + 1;
        this.addEventListener('message', ({ data }) => {
          if (data.kind === 'started') globalThis.tensors.push(data.tensors);
        });
      }
    };
  });
  await page.goto(address);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    return usedSize / 2 ** 20;
  };
  const end = performance.now() + 60_000 * minutes;
  const heaps = [];
  let resets = 0;
  while (performance.now() < end || resets < 4) {
    await untilStep(page, resets % 5 === 4 ? 60 : 3);
    await page.getByRole('button', { name: 'Start over' }).click();
    await page.waitForFunction((count) => globalThis.tensors.length >= count, 2 * (resets + 2), { timeout: 120_000 });
    resets += 1;
    if (resets > 1) heaps.push(await heap());
  }
  const { tensors, workers } = await page.evaluate(() => ({
    tensors: globalThis.tensors,
    workers: globalThis.workers,
  }));
  const [first, last] = [tensors.slice(0, 4), tensors.slice(-2)];
  assert(
    last.every((count) => count <= Math.max(...first)),
    `expected no more tensors than at first, ${first}, got ${last}`,
  );
  assert(workers === 2, `expected two workers all along, got ${workers}`);
  const growth = Math.min(...heaps.slice(-3)) - Math.min(...heaps.slice(0, 3));
  assert(growth < 3, `expected a heap that does not grow, got ${growth.toFixed(1)} MB more after ${resets} resets`);
  return `${resets} resets in ${minutes} min: ${last[0]} tensors before each, heap ${heaps.at(-1).toFixed(1)} MB, ${growth.toFixed(2)} MB more than at first`;
}
