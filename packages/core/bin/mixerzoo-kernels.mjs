#!/usr/bin/env node
/**
 * Compiles every `kernel.as.ts` below `src` of the package in the current directory from AssemblyScript to
 * WebAssembly, and writes `kernel.generated.ts` beside it: two builds as base64, so that a kernel ships inside the
 * JavaScript.
 *
 * Kernels import shared inline code from `@mixerzoo/core/assembly/*` and nothing else; they must not hold static
 * data, since they run on the heap of the TensorFlow.js backend.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const asc = await import('assemblyscript/asc').catch(() => {
  console.error(
    'mixerzoo-kernels: expected the package assemblyscript, got none. Run: npm install --save-dev assemblyscript',
  );
  process.exit(1);
});

const ASSEMBLY = fileURLToPath(new URL('../assembly/', import.meta.url));
const BUILDS = { simd: ['--enable', 'simd'], relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd'] };
const SHARED_IMPORT = /@mixerzoo\/core\/assembly\//g;

async function compile(entry, flags) {
  let binary;
  const { error, stderr } = await asc.main(
    [
      entry,
      '--outFile',
      'kernel.wasm',
      '--importMemory',
      '--noExportMemory',
      '--sharedMemory',
      '--initialMemory',
      '1',
      '--maximumMemory',
      '65536',
      '--enable',
      'threads',
      '--runtime',
      'stub',
      '-O3',
      '--noAssert',
      '--converge',
      ...flags,
    ],
    {
      readFile: async (name) => {
        try {
          const source = await readFile(name, 'utf8');
          return source.replace(SHARED_IMPORT, `${relative(dirname(resolve(name)), ASSEMBLY)}/`);
        } catch (error) {
          if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null; // the compiler tries several names
          throw error;
        }
      },
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) {
    console.error(`mixerzoo-kernels: ${entry} does not compile.\n${stderr.toString()}`);
    process.exit(1);
  }
  assertNoData(entry, binary);
  return Buffer.from(binary).toString('base64');
}

/** Walks the sections of a module: a data section would overwrite the heap it is loaded on. */
function assertNoData(entry, binary) {
  const DATA_SECTION = 11;
  let at = 8;
  while (at < binary.length) {
    const id = binary[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (id === DATA_SECTION) {
      console.error(
        `mixerzoo-kernels: ${entry} holds static data (a string or array literal). Pass tables in as tensors.`,
      );
      process.exit(1);
    }
    at += size;
  }
}

async function* kernelSources() {
  for (const file of await readdir('src', { recursive: true })) {
    if (file.endsWith('kernel.as.ts')) yield join('src', file);
  }
}

for await (const entry of kernelSources()) {
  const [simd, relaxed] = await Promise.all(Object.values(BUILDS).map((flags) => compile(entry, flags)));
  const target = join(dirname(entry), 'kernel.generated.ts');
  await writeFile(
    target,
    `/** Compiled from kernel.as.ts by mixerzoo-kernels; not edited by hand, not under version control. */\nexport const code = {\n  simd: '${simd}',\n  relaxed: '${relaxed}',\n};\n`,
  );
  console.log(`${target}: ${Math.round((simd.length * 3) / 4)} bytes`);
}
