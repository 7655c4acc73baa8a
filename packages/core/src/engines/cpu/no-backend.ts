/**
 * What a page has in place of the plain JavaScript backend until an engine is started: that backend is a tenth of a page's code, and
 * is loaded by the engine `cpu` alone. Elsewhere it is there from the start.
 */
import { KernelBackend, registerBackend } from '@tensorflow/tfjs-core';
import { EngineError } from '../../errors.js';

class NoBackend extends KernelBackend {
  override write(): never {
    throw new EngineError('tf: expected an engine in use to make tensors, got none. Call `await useEngine()` first.');
  }

  override dispose(): void {}
}

registerBackend('none', () => new NoBackend(), 0);
