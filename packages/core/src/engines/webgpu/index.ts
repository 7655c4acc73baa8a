/**
 * The GPU engine without CUDA: WebGPU in the browser, and in Node through the package `webgpu` (Dawn), on any card with
 * a Vulkan, Metal or Direct3D 12 driver.
 *
 * The device is our own, since TensorFlow.js asks for neither subgroups nor the adapter's full limits.
 */
import { EngineError, OutOfMemoryError, type ZooError } from '../../errors.js';
import * as tf from '../../tf.js';
import type { Engine } from '../engine.js';
import { replaceStockKernels } from './stock.js';
import { probeSubgroups } from './subgroups.js';

/** Features asked for where the adapter has them. */
const WANTED_FEATURES: readonly GPUFeatureName[] = ['subgroups'];
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

/** Dawn for Node. */
const DAWN = 'webgpu';
/** Different faults of shaders that are printed. */
const MOST_FAULTS = 8;
/** Between the failure of a read and the news of the loss behind it. */
const GRACE_MS = 200;

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
  const subgroups = await probeSubgroups(device);
  const { WebGPUBackend } = await importBackend();
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info), 3);
  await tf.setBackend('webgpu');
  await tf.ready();
  replaceStockKernels();
  watchDevice(device);

  const { vendor, architecture, description } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unknown adapter';
  const software = SOFTWARE_ADAPTER.test(`${name} ${architecture}`);
  return {
    name: 'webgpu',
    description: `WebGPU on ${name}${software ? ' (a software driver: for checks, too slow for training)' : ''}`,
    details: { adapter: name, vendor, architecture, software, subgroups },
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
  // For Node alone: bundlers leave it be, and find it missing nowhere.
  const dawn = (await import(/* webpackIgnore: true */ /* @vite-ignore */ DAWN).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new EngineError(
      `webgpu engine: expected the package 'webgpu' (Dawn for Node), got none (${reason}). Run: npm install webgpu`,
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
  // Written as try and await: so bundlers know that the package may be missing.
  try {
    return await import('@tensorflow/tfjs-backend-webgpu');
  } catch (error) {
    throw new EngineError(
      "webgpu engine: expected the package '@tensorflow/tfjs-backend-webgpu', got none. Run: npm install @tensorflow/tfjs-backend-webgpu@4.22.0",
      { cause: error },
    );
  }
}

/**
 * What the device says outside of any call: its faults, and its own loss. What is computed after a fault is not what
 * was asked for, so the next read of a tensor fails with it, and a training stops within a step; what it saved before is
 * on disk. After a loss every read fails.
 */
function watchDevice(device: GPUDevice): void {
  const said = new Set<string>();
  let fault: ZooError | undefined;
  device.addEventListener('uncapturederror', (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    fault ??= faultOf(error);
    // One fault in a shader is an error at each of its uses.
    if (said.size < MOST_FAULTS && !said.has(error.message)) console.error(`webgpu engine: ${error.message}`);
    said.add(error.message);
  });
  let loss: EngineError | undefined;
  const waiting = new Set<(reason: EngineError) => void>();
  device.lost.then(({ reason, message }) => {
    loss = new EngineError(
      `webgpu engine: expected the device to stay, got a loss (${reason || 'unknown'}): ${message || 'the driver gave no reason'}. ` +
        'Run the same command again: it goes on from the last checkpoint.',
    );
    for (const reject of waiting) reject(loss);
  });
  const backend = tf.backend() as unknown as { read(id: object): Promise<unknown> };
  const read = backend.read.bind(backend);
  backend.read = (id) =>
    new Promise((resolve, reject) => {
      if (loss) return reject(loss);
      waiting.add(reject);
      read(id)
        // A read may fail a moment before the news of the loss that is behind it.
        .catch((error: unknown) => new Promise((_, late) => setTimeout(() => late(loss ?? fault ?? error), GRACE_MS)))
        .then((values) => {
          if (fault) throw fault;
          return values;
        })
        .then(resolve, reject)
        .finally(() => {
          waiting.delete(reject);
          fault = undefined;
        });
    });
}

function faultOf(error: GPUError): ZooError {
  if (error instanceof GPUOutOfMemoryError) {
    return new OutOfMemoryError(
      `webgpu engine: expected the device's memory to suffice, got: ${error.message} Use a smaller batch or model.`,
    );
  }
  return new EngineError(`webgpu engine: expected no fault of the device, got: ${error.message}`);
}
