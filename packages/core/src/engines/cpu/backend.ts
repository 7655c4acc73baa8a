/** The plain JavaScript backend of TensorFlow.js, registered, and silent. */
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

// At its first tensor in Node the backend would advise to install tfjs-node, which is no use here.
Object.defineProperty(MathBackendCPU.prototype, 'firstUse', {
  get: () => false,
  set: () => undefined,
  configurable: true, // a second copy of core does the same
});
