/** The GPU engine without CUDA: WebGPU in the browser, and in Node through the `webgpu` package (Dawn). */
import { EngineError } from '../errors.js';
import type { Engine } from './index.js';

/**
 * Starts the webgpu engine.
 * @throws EngineError saying what is missing.
 */
export async function openWebgpuEngine(): Promise<Engine> {
  throw new EngineError(
    'webgpu engine: expected an engine that trains every mixer, got one that is not released yet. Use the wasm engine.',
  );
}
