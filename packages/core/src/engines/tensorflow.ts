/** The native engine: tfjs-node-gpu, else tfjs-node, whichever is installed and loads. */
import { EngineError } from '../errors.js';
import * as tf from '../tf.js';
import type { Engine } from './index.js';

const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/**
 * Starts the tensorflow engine.
 * @throws EngineError saying for each package why it did not load.
 */
export async function openTensorflowEngine(): Promise<Engine> {
  restoreRemovedNodeUtilities();
  const reasons: string[] = [];
  for (const name of PACKAGES) {
    try {
      const binding = (await import(name)) as { version?: { 'tfjs-node'?: string } };
      await tf.setBackend('tensorflow');
      await tf.ready();
      return {
        name: 'tensorflow',
        description: `libtensorflow through ${name}`,
        details: { package: name, version: binding.version?.['tfjs-node'] ?? 'unknown' },
      };
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)}`);
    }
  }
  throw new EngineError(
    `tensorflow engine: expected a working ${PACKAGES.join(' or ')}, got ${reasons.join('; ')}. ` +
      'Install one beside mixerzoo (npm install @tensorflow/tfjs-node-gpu), or use the wasm engine.',
  );
}

/** tfjs-node 4.22 calls two functions of `node:util` that Node 23 removed. */
function restoreRemovedNodeUtilities(): void {
  const util = process.getBuiltinModule('node:util') as unknown as Record<string, unknown>;
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
