/** TensorFlow.js without its umbrella package: all gradients and chained operations are there, and nothing is printed. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { useEngine } from './engines/index.js';
import * as tf from './tf.js';

const modules = join(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core/package.json')), 'dist');
const namesIn = (directory: string, end: string) =>
  readdirSync(join(modules, directory))
    .filter((name) => name.endsWith(end) && !/_test\.|register_all|_util\./.test(name))
    .map((name) => name.slice(0, -end.length));

describe('tf', () => {
  it('has the gradient of every kernel that has one', () => {
    // A file is called after its kernel, as tfjs-core exports it: `Abs_grad.js` is about `Abs`.
    const missing = namesIn('gradients', '_grad.js').filter((name) => {
      const kernelName = (tf as unknown as Record<string, string>)[name];
      return !kernelName || !tf.getGradient(kernelName);
    });
    expect(namesIn('gradients', '_grad.js').length).toBeGreaterThan(95);
    expect(missing).toEqual([]);
  });

  it('has every chained operation', () => {
    const named = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const known = new Map(Object.getOwnPropertyNames(tf.Tensor.prototype).map((name) => [name.toLowerCase(), name]));
    const names = namesIn('public/chained_ops', '.js').map(named);
    expect(names.length).toBeGreaterThan(130);
    expect(names.filter((name) => !known.has(name.toLowerCase()))).toEqual([]);
    expect([...tf.tensor1d([1, 2]).add(1).mul(2).dataSync()]).toEqual([4, 6]);
  });

  it('advises no other package at the first tensor of the plain JavaScript backend', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      await useEngine('cpu');
      tf.tensor1d([1, 2]).dispose();
      expect(warn.mock.calls).toEqual([]);
      // Other warnings are heard.
      tf.registerKernel({ kernelName: 'Abs', backendName: 'cpu', kernelFunc: () => [] });
      expect(warn.mock.calls).toEqual([[expect.stringMatching(/'Abs' for backend 'cpu' is already registered/)]]);
    } finally {
      warn.mockRestore();
    }
  });
});
