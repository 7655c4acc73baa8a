/** Copies of core as npm lays them out: for tests of what happens with several in a process. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = join(PACKAGE, 'src');
const INSTALLED = join(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core/package.json')), '../..');
/** What Node loads of TensorFlow.js. */
const TENSORFLOW_FILES = {
  'tfjs-core': ['dist/tf-core.node.js'],
  'tfjs-backend-cpu': ['dist/tf-backend-cpu.node.js'],
  'tfjs-backend-wasm': ['dist/tf-backend-wasm.node.js', 'dist/tfjs-backend-wasm-simd.wasm'],
};

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly exports: Record<string, string | { types?: string; default: string }>;
  readonly imports: Record<string, { default: string }>;
}

/**
 * Installs a copy of core in a directory, built from source with a file per module. Its dependencies are the
 * repository's; with `ownTensorflow` it has TensorFlow.js for itself, as a linked package has.
 */
export async function installCopy(
  directory: string,
  { version = '0.0.0', ownTensorflow = false }: { version?: string; ownTensorflow?: boolean } = {},
): Promise<void> {
  const modules = (readdirSync(SOURCE, { recursive: true }) as string[]).filter(
    (name) => name.endsWith('.ts') && !/\.(test|as)\.ts$|__fixtures__/.test(name),
  );
  const entryPoints = modules.map((name) => join(SOURCE, name));
  await build({ entryPoints, outdir: join(directory, 'dist'), outbase: SOURCE, format: 'esm', target: 'es2022' });
  const manifest = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as Manifest;
  const built = (paths: Manifest['exports'] | Manifest['imports']) =>
    Object.fromEntries(Object.entries(paths).map(([path, to]) => [path, typeof to === 'string' ? to : to.default]));
  const { dependencies } = manifest;
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({
      name: '@mixerzoo/core',
      version,
      type: 'module',
      exports: built(manifest.exports),
      imports: built(manifest.imports),
      dependencies,
    }),
  );
  const own = ownTensorflow ? Object.keys(TENSORFLOW_FILES).map((name) => `@tensorflow/${name}`) : [];
  for (const name of [...Object.keys(dependencies), ...(ownTensorflow ? ['long', 'seedrandom'] : [])]) {
    const to = join(directory, 'node_modules', name);
    mkdirSync(dirname(to), { recursive: true });
    if (!own.includes(name)) symlinkSync(join(INSTALLED, name), to, 'junction');
  }
  if (!ownTensorflow) return;
  for (const [name, files] of Object.entries(TENSORFLOW_FILES)) {
    for (const file of ['package.json', ...files])
      cpSync(join(INSTALLED, '@tensorflow', name, file), join(directory, 'node_modules/@tensorflow', name, file));
  }
}
