import { expect, it } from 'vitest';
import { describeEnvironment } from './environment.js';
import { environmentSchema } from './record-schemas.js';

it('records why a faster engine was passed over, where it was', async () => {
  const engine = { name: 'wasm', description: 'one core', details: {} } as const;
  const options = { seed: 1, workers: 1, packages: [] };
  const passedOver = 'tensorflow engine: expected a libtensorflow, got none that works.';
  const [taken, second] = [
    await describeEnvironment(engine, options),
    await describeEnvironment({ ...engine, passedOver }, options),
  ];
  expect(taken.engine).not.toHaveProperty('passedOver');
  expect(environmentSchema.parse(second).engine.passedOver).toBe(passedOver);
});
