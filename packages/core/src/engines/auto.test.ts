import { expect, it, vi } from 'vitest';
import { useEngine } from './index.js';

vi.mock(import('./tensorflow/bindings.js'), async (original) => ({
  ...(await original()),
  hasNvidiaDriver: () => true,
  findTensorflowBindings: () => ({ bindings: [], missing: ['npm: not installed'] }),
}));

it('says what did not load, where the machine has a GPU and auto has to take the embedded engine', async () => {
  const { name, passedOver } = await useEngine('auto');
  expect(name).toBe('wasm');
  expect(passedOver).toBe(
    'tensorflow engine: expected a libtensorflow, got none that works. npm: not installed. Or use the wasm engine.',
  );
});
