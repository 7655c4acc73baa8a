/** The native engine: libtensorflow through the binding of tfjs-node, on the CPU or on CUDA. */
import { EngineError } from '../../errors.js';
import type { Engine } from '../engine.js';
import { openTensorflowEngine as refuse } from './absent.js';
import { findTensorflowBindings, startTensorflow } from './bindings.js';
import { replaceStockKernels } from './stock.js';

export { hasNvidiaDriver } from './bindings.js';

/**
 * Starts the tensorflow engine on the first binding that loads.
 * @throws EngineError saying of each binding why it is not there or did not load, and how to get it.
 */
export async function openTensorflowEngine(): Promise<Engine> {
  if (typeof process === 'undefined' || !process.versions?.node) return refuse();
  const { bindings, missing } = findTensorflowBindings();
  const reasons: string[] = [];
  for (const binding of bindings) {
    try {
      const { version, usesGpu } = await startTensorflow(binding);
      replaceStockKernels();
      return {
        name: 'tensorflow',
        description: `libtensorflow ${version} on the ${usesGpu ? 'GPU' : 'CPU'} (${binding.name})`,
        details: { binding: binding.name, libtensorflow: version, gpu: usesGpu },
      };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      reasons.push(`${binding.name}: did not load (${message.split('\n')[0]})`);
    }
  }
  throw new EngineError(
    `tensorflow engine: expected a libtensorflow, got none that works. ${[...reasons, ...missing].join('; ')}. ` +
      'Or use the wasm engine.',
  );
}
