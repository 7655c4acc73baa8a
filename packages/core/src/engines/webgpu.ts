/**
 * The GPU engine without CUDA: WebGPU in the browser, and in Node through the package `webgpu` (Dawn), on any card with
 * a Vulkan, Metal or Direct3D 12 driver.
 *
 * The device is our own, since TensorFlow.js asks for neither subgroups nor the adapter's full limits.
 */
import { EngineError } from '../errors.js';
import * as tf from '../tf.js';
import type { Engine } from './index.js';
import { replaceStockKernels } from './webgpu-stock.js';

/** Features asked for where the adapter has them. */
const WANTED_FEATURES: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query'];
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
] as const;

/** Names that software drivers go by: right for correctness, far too slow for training. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|software|cpu/i;

/**
 * Starts the webgpu engine.
 * @throws EngineError saying what is missing and how to get it.
 */
export async function openWebgpuEngine(): Promise<Engine> {
  await provideWebgpu();
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new EngineError(
      "webgpu engine: expected a GPU with a Vulkan, Metal or Direct3D 12 driver, got none. Install the card's driver " +
        '(on Linux also libvulkan1), or use the wasm engine.',
    );
  }
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  watchDevice(device);

  const { WebGPUBackend } = await importBackend();
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info), 3);
  await tf.setBackend('webgpu');
  await tf.ready();
  replaceStockKernels();

  const { vendor, architecture, description } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unknown adapter';
  const software = SOFTWARE_ADAPTER.test(`${name} ${architecture}`);
  return {
    name: 'webgpu',
    description: `WebGPU on ${name}${software ? ' (a software driver: for checks, too slow for training)' : ''}`,
    details: { adapter: name, vendor, architecture, software, subgroups: requiredFeatures.includes('subgroups') },
  };
}

/** Makes `navigator.gpu` exist: the browser's own, or Dawn's. */
async function provideWebgpu(): Promise<void> {
  if (typeof navigator !== 'undefined' && 'gpu' in navigator && navigator.gpu) return;
  if (typeof process === 'undefined') {
    throw new EngineError(
      'webgpu engine: expected a browser with WebGPU, got one without. Use a current Chrome, Edge, Firefox or Safari, or the wasm engine.',
    );
  }
  const dawn = (await import('webgpu' as string).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new EngineError(
      `webgpu engine: expected the package 'webgpu' (Dawn for Node), got: ${reason}. Run: npm install webgpu`,
      { cause: error },
    );
  })) as { create(options: string[]): GPU; globals: Record<string, unknown> };
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  if (typeof navigator === 'undefined') {
    Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  } else Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
}

async function importBackend(): Promise<typeof import('@tensorflow/tfjs-backend-webgpu')> {
  return import('@tensorflow/tfjs-backend-webgpu').catch((error: unknown) => {
    throw new EngineError(
      "webgpu engine: expected the package '@tensorflow/tfjs-backend-webgpu', got none. Run: npm install @tensorflow/tfjs-backend-webgpu@4.22.0",
      { cause: error },
    );
  });
}

/** What the device says outside of any call: faults in shaders and its own loss. Reads fail after a loss. */
function watchDevice(device: GPUDevice): void {
  device.addEventListener('uncapturederror', (event) => {
    console.error(`webgpu engine: ${(event as GPUUncapturedErrorEvent).error.message}`);
  });
  device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed')
      console.error(`webgpu engine: the device was lost (${reason || 'unknown'}): ${message}`);
  });
}
