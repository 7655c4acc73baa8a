/**
 * Native kernels of the wasm engine: WebAssembly's memory is plain memory, so an addon (`@mixerzoo/native`, optional, Node only)
 * can run on the very same tensors. A kernel offers it the work by name (`wasm.native(...)`); what the addon does not take runs
 * as WebAssembly. Nothing else differs.
 *
 * `MIXERZOO_NATIVE=0` does without; `=1` makes its absence an error. `MIXERZOO_NATIVE_ISA` asks for an instruction set.
 */
import { EngineError } from '../../errors.js';

/** The agreement with the addon; the same number is in packages/native/source/kernels.h. */
const ABI = 3;
const PACKAGE = '@mixerzoo/native';

/** What the addon exports. */
export interface NativeAddon {
  readonly abi: number;
  readonly args: Float64Array;
  /** A fingerprint of what it was compiled from. */
  readonly sources?: string;
  /** The instruction sets of this processor that it has kernels for, best first. */
  readonly sets: readonly string[];
  open(
    instructions: string,
    threads: number,
  ): {
    readonly instructions: string;
    readonly kernels: readonly { readonly name: string; readonly arguments: number }[];
  };
  bind(heap: Uint8Array): void;
  call(kernel: number, count: number): void;
}

/** Native kernels in use. */
export interface NativeKernels {
  /** The instruction set: avx512, avx2, neon or portable. */
  readonly instructions: string;
  /** A fingerprint of what the addon was compiled from, for records. */
  readonly sources: string | undefined;
  /**
   * Runs a kernel on the heap.
   * @returns false, and does nothing, where the addon has none of this name.
   * @throws Error for another number of arguments than it takes, and for an address outside of the heap.
   */
  run(name: string, args: readonly number[]): boolean;
}

/** What was found: kernels, or why there are none and how to get them. */
export type NativeSearch = { readonly kernels: NativeKernels } | { readonly missing: string };

/**
 * Looks for the addon and starts it on this memory.
 * @throws EngineError where `MIXERZOO_NATIVE=1` asks for what is not there.
 */
export function openNativeKernels(memory: WebAssembly.Memory, threads: number): NativeSearch {
  if (typeof process === 'undefined') return { missing: 'a browser has no addons' };
  const asked = process.env['MIXERZOO_NATIVE'];
  if (asked === '0') return { missing: 'switched off by MIXERZOO_NATIVE=0' };
  try {
    return { kernels: startAddon(loadAddon(), memory, threads, process.env['MIXERZOO_NATIVE_ISA'] ?? '') };
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    if (asked !== '1') return { missing };
    throw new EngineError(`wasm engine: MIXERZOO_NATIVE=1 asks for native kernels, got none. ${missing}`, {
      cause: error,
    });
  }
}

/**
 * @internal Starts an addon.
 * @throws Error if it was built for another agreement, or this processor lacks the instruction set.
 */
export function startAddon(
  addon: NativeAddon,
  memory: WebAssembly.Memory,
  threads: number,
  instructionsAsked: string,
): NativeKernels {
  if (addon.abi !== ABI) {
    throw new Error(
      `${PACKAGE}: expected an addon for agreement ${ABI} of @mixerzoo/core, got one for ${addon.abi}. Install both at the same version; in a clone: npm run kernels.`,
    );
  }
  if (instructionsAsked !== '' && !addon.sets.includes(instructionsAsked)) {
    throw new Error(
      `${PACKAGE}: expected MIXERZOO_NATIVE_ISA to be one of ${addon.sets.join(', ')} on this processor, got '${instructionsAsked}'.`,
    );
  }
  const opened = addon.open(instructionsAsked, threads);
  const indices = new Map(opened.kernels.map(({ name }, index) => [name, index]));
  let bound: ArrayBufferLike | undefined;
  return {
    instructions: opened.instructions,
    sources: addon.sources,
    run(name, args) {
      const index = indices.get(name);
      if (index === undefined) return false;
      // Growing the memory makes a new buffer, and may move it.
      if (memory.buffer !== bound) {
        bound = memory.buffer;
        addon.bind(new Uint8Array(bound));
      }
      addon.args.set(args);
      addon.call(index, args.length);
      return true;
    },
  };
}

/**
 * Loads the addon: the prebuilt package of this platform, else what `mixerzoo-native` has compiled here.
 * @throws Error that says how to get it, or what the dynamic linker says.
 */
function loadAddon(): NativeAddon {
  const { createRequire } = process.getBuiltinModule('node:module');
  const { dirname, join } = process.getBuiltinModule('node:path');
  const { existsSync } = process.getBuiltinModule('node:fs');
  const manifest = [import.meta.url, join(process.cwd(), 'package.json')]
    .map((from) => resolveFrom(createRequire(from), `${PACKAGE}/package.json`))
    .find((file) => file !== undefined);
  if (!manifest) {
    throw new Error(`${PACKAGE}: not installed. Products run several times faster with it: npm install ${PACKAGE}`);
  }
  const platform = `${process.platform}-${process.arch}`;
  const require = createRequire(manifest);
  const compiled = join(dirname(manifest), 'build', `${platform}.node`);
  const places = [resolveFrom(require, `${PACKAGE}-${platform}`), existsSync(compiled) ? compiled : undefined];
  let refused: unknown = new Error(`${PACKAGE}: not built for ${platform}. With a C++ compiler: npx mixerzoo-native`);
  for (const place of places) {
    if (place === undefined) continue;
    try {
      return require(place) as NativeAddon;
    } catch (error) {
      refused = error; // for another C library, say: the next may do
    }
  }
  throw refused;
}

function resolveFrom(require: NodeJS.Require, request: string): string | undefined {
  try {
    return require.resolve(request);
  } catch {
    return undefined;
  }
}
