/** What a training comes to, where the best that can be reached is known. Many steps: on the embedded engine alone. */
import { expect, it } from 'vitest';
import { useEngine } from '../engines/index.js';
import { chain, entropyRate } from './__fixtures__/chain.js';
import { language, V } from './__fixtures__/language-run.js';
import { createTrainer } from './trainer.js';

it('comes near the entropy of its text, and never below', async () => {
  await useEngine('wasm');
  const trainer = await createTrainer(language({ tokens: 16 * 16 * 120 }));
  while (!trainer.done) await trainer.runEpoch();
  const { loss, bitsPerByte, perPosition } = await trainer.evaluate(chain({}), 'test', 100);
  trainer.dispose();
  expect(loss).toBeGreaterThan(entropyRate(V) - 0.03); // of this text, not of the chain
  expect(loss).toBeLessThan(entropyRate(V) + 0.15);
  expect(bitsPerByte).toBeCloseTo(loss / 2 / Math.LN2, 6);
  expect(perPosition[5]?.loss).toBeGreaterThan(0);
});
