/** What a bundle holds of core: the engine only where it is used. */
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** Bundles a program: the bytes that each file brings in, by the file's path, and the files that were looked at. */
async function bundle(program: string): Promise<{ bytes: number; held: string[]; read: string[] }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: program, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@mixerzoo/source'],
    external: ['webgpu', 'node:*'],
  });
  const [output] = Object.values(metafile.outputs);
  const held = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return {
    bytes: outputFiles[0]?.contents.length ?? 0,
    held: held.map(([name]) => name),
    read: Object.keys(metafile.inputs),
  };
}

const ofTensorflow = (names: readonly string[]) => names.filter((name) => /@tensorflow|src\/tf\b/.test(name));

describe('a bundle', () => {
  it.each(['config', 'errors', 'plugin', 'rng', 'safetensors', 'task'])(
    'of @mixerzoo/core/%s needs no engine',
    async (name) => {
      const { bytes, read } = await bundle(`import * as all from '@mixerzoo/core/${name}'; console.log(all);`);
      expect(ofTensorflow(read)).toEqual([]);
      expect(bytes).toBeLessThan(20_000);
    },
  );

  it('of what needs no engine, from the whole of core, holds none', async () => {
    const names = 'createRng, defineTask, definePlugin, foldIn, readSafetensors, refuseIdle, InvalidConfigError';
    const { bytes, held } = await bundle(`import { ${names} } from '@mixerzoo/core'; console.log(${names});`);
    expect(ofTensorflow(held)).toEqual([]);
    expect(bytes).toBeLessThan(20_000);
  });

  it.each([
    ['silu', '/blocks'],
    ['defineOp', '/kernels'],
    ['tf', ''],
  ])('of %s holds TensorFlow.js as we set it up', async (name, face) => {
    const { held } = await bundle(`import { ${name} } from '@mixerzoo/core${face}'; console.log(${name});`);
    const modules = ['tf.ts', 'tf-quiet.ts', 'tf-registrations.generated.ts', 'no-backend.ts'];
    expect(modules.filter((module) => !held.some((path) => path.endsWith(`/${module}`)))).toEqual([]);
  });
});
