/** How the wasm engine takes an addon, and what it does without; the kernels themselves are tested in packages/native. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type NativeAddon, openNativeKernels, startAddon } from './native.js';

const PAGE = 65_536;

/** An addon that notes what it is told. */
function fakeAddon(changes: Partial<NativeAddon> = {}) {
  const calls: { kernel: number; args: number[]; heapBytes: number }[] = [];
  let heapBytes = 0;
  const args = new Float64Array(64);
  const addon: NativeAddon = {
    abi: 3,
    args,
    sets: ['best', 'old'],
    open: (instructions) => ({
      instructions: instructions || 'best',
      kernels: [
        { name: 'first', arguments: 1 },
        { name: 'second', arguments: 2 },
      ],
    }),
    bind: (heap) => {
      heapBytes = heap.byteLength;
    },
    call: (kernel, count) => void calls.push({ kernel, args: [...args.subarray(0, count)], heapBytes }),
    ...changes,
  };
  return { addon, calls };
}

describe('native kernels', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('run by name, on the heap as it is now', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const { addon, calls } = fakeAddon();
    const { instructions, run } = startAddon(addon, memory, 1, '');
    expect(instructions).toBe('best');
    expect(run('second', [7, 8])).toBe(true);
    expect(run('none of this name', [1])).toBe(false);
    memory.grow(2);
    expect(run('first', [9])).toBe(true);
    expect(calls).toEqual([
      { kernel: 1, args: [7, 8], heapBytes: PAGE },
      { kernel: 0, args: [9], heapBytes: 3 * PAGE },
    ]);
  });

  it('of another agreement are refused', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    expect(() => startAddon(fakeAddon({ abi: 99 }).addon, memory, 1, '')).toThrow(
      /expected an addon for agreement 3 of @mixerzoo\/core, got one for 99\. Install both at the same version/,
    );
  });

  it('take an instruction set that is asked for, if the processor has it', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    expect(startAddon(fakeAddon().addon, memory, 1, 'old').instructions).toBe('old');
    expect(() => startAddon(fakeAddon().addon, memory, 1, 'newest')).toThrow(
      /expected MIXERZOO_NATIVE_ISA to be one of best, old on this processor, got 'newest'/,
    );
  });

  it('are switched off by the environment, and asked for', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    vi.stubEnv('MIXERZOO_NATIVE', '0');
    expect(openNativeKernels(memory, 1)).toEqual({ missing: 'switched off by MIXERZOO_NATIVE=0' });
    // Whether it is built here or not, no processor has this.
    vi.stubEnv('MIXERZOO_NATIVE_ISA', 'abacus');
    vi.stubEnv('MIXERZOO_NATIVE', undefined);
    expect(openNativeKernels(memory, 1)).toEqual({ missing: expect.stringMatching(/@mixerzoo\/native: /) });
    vi.stubEnv('MIXERZOO_NATIVE', '1');
    expect(() => openNativeKernels(memory, 1)).toThrow(
      /MIXERZOO_NATIVE=1 asks for native kernels, got none\. @mixerzoo/,
    );
  });
});
