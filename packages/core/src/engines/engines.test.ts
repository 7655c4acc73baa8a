import { describe, expect, it, vi } from 'vitest';
import { withReferenceForms } from '../ops/define-op.js';
import { silu } from '../ops/silu/index.js';
import * as tf from '../tf.js';
import { arithmeticOf } from './engine.js';
import { currentEngine, useEngine } from './index.js';

describe('useEngine', () => {
  it('refuses an engine nobody knows, with a suggestion', async () => {
    await expect(useEngine('wasmm' as never)).rejects.toThrow(
      /unknown engine 'wasmm'\. Did you mean 'wasm'\? Known: auto, cpu/,
    );
  });

  it('names the variable whose engine nobody knows', async () => {
    vi.stubEnv('MIXERZOO_ENGINE', 'wsam');
    try {
      await expect(useEngine(undefined)).rejects.toThrow(
        /MIXERZOO_ENGINE: unknown engine 'wsam'\. Did you mean 'wasm'\? Known: auto, cpu/,
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each([
    ['wasm', { relaxedSimd: true, threads: 1, native: false }],
    ['wasm', { relaxedSimd: true, threads: 2, native: false }], // results do not depend on threads
    ['wasm (avx512)', { relaxedSimd: true, threads: 1, native: 'avx512' }],
    ['wasm (without fused multiply-add)', { relaxedSimd: false, threads: 1, native: false }],
  ])("'%s' tells what rounds alike: %o", (expected, details) => {
    expect(arithmeticOf({ name: 'wasm', details })).toBe(expected);
  });

  it('asks for an engine before one is used', () => {
    expect(() => currentEngine()).toThrow(/no engine is in use yet/);
  });

  it('is missed once by ops that run without', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      withReferenceForms(() => silu(tf.ones([2]))); // asked for
      expect(warn).not.toHaveBeenCalled();
      for (let time = 0; time < 3; time += 1) silu(tf.ones([2]));
      expect(warn.mock.calls).toEqual([
        [expect.stringMatching(/expected an engine in use, got none: Silu runs on the cpu .*await useEngine\(\)/)],
      ]);
    } finally {
      warn.mockRestore();
    }
  });

  it('starts the embedded engine, and only one engine per process', async () => {
    const [engine, ...same] = await Promise.all([useEngine('wasm'), useEngine('wasm'), useEngine('auto')]);
    expect(same).toEqual([engine, engine]);
    expect(same.every((other) => other === engine)).toBe(true);
    expect(engine.name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
    expect(await useEngine('auto')).toBe(engine);
    expect(currentEngine()).toBe(engine);
    await expect(useEngine('cpu')).rejects.toThrow(/one engine per process, got 'cpu' while 'wasm' is in use/);
  });

  it('answers an exhausted heap with an error, not with tensors that share an address', () => {
    const values = new Float32Array(1 << 28);
    expect(() => Array.from({ length: 5 }, () => tf.tensor(values))).toThrow(
      /wasm engine: expected room for 1024\.0 MiB more/,
    );
  });
});
