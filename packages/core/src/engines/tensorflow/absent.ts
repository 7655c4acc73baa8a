/** The tensorflow engine in a page: there is none, nor its code. */
import { EngineError } from '../../errors.js';
import type { Engine } from '../engine.js';

export const hasNvidiaDriver = () => false;

/** @throws EngineError, always. */
export async function openTensorflowEngine(): Promise<Engine> {
  throw new EngineError('tensorflow engine: expected Node, got a browser. Use the webgpu or the wasm engine.');
}
