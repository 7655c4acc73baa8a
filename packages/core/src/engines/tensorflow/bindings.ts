/**
 * Where a libtensorflow for Node can be: the npm packages `@tensorflow/tfjs-node-gpu` and `@tensorflow/tfjs-node`
 * (libtensorflow 2.9.1, CUDA 11.2), or mixerzoo's own build of the same binding on the libtensorflow inside TensorFlow's
 * Python wheel, made by `mixerzoo engines install tensorflow`.
 *
 * All are loaded the same way: the native binding by `process.dlopen`, the package's kernels by a loader that gives
 * them our copy of TensorFlow.js, so that a binding outside node_modules, or one beside a second copy, works too.
 * Nothing here is imported statically from Node: a browser bundle may contain this file.
 */
import { EngineError } from '../../errors.js';
import * as tf from '../../tf.js';

/** A native binding that is installed. */
export interface TensorflowBinding {
  /** A package's name, or `mixerzoo build`. */
  readonly name: string;
  /** Whether it can use a GPU. */
  readonly gpu: boolean;
  /** The npm package's directory: kernels in JavaScript. */
  readonly packageDirectory: string;
  /** The native addon. */
  readonly file: string;
}

/** The files of our own build. */
export interface TensorflowInstallation {
  readonly directory: string;
  /** The unpacked npm package: binding sources and kernels. */
  readonly packageDirectory: string;
  /** pip's target: holds `tensorflow/`, and `nvidia/` for a GPU build. */
  readonly pythonDirectory: string;
  readonly bindingFile: string;
  /** Written last: where it is, the build is complete. */
  readonly manifestFile: string;
}

/** `manifestFile`'s contents. */
export interface TensorflowManifest {
  readonly format: 1;
  /** The Python package and its version. */
  readonly wheel: string;
  readonly tfjsNode: string;
  readonly gpu: boolean;
  readonly platform: string;
}

/** What the binding exports, as far as it is used here. */
interface NativeBinding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
}

const NPM_PACKAGES = [
  { name: '@tensorflow/tfjs-node-gpu', gpu: true },
  { name: '@tensorflow/tfjs-node', gpu: false },
] as const;

const OWN_BUILD = 'mixerzoo build';

/**
 * Where our own build is kept: the environment's `MIXERZOO_TENSORFLOW`, else `mixerzoo/tensorflow` in the user's cache
 * directory.
 */
export function tensorflowInstallation(): TensorflowInstallation {
  const { join } = node('node:path');
  const directory = process.env['MIXERZOO_TENSORFLOW'] || join(userCache(), 'mixerzoo', 'tensorflow');
  return {
    directory,
    packageDirectory: join(directory, 'tfjs-node'),
    pythonDirectory: join(directory, 'python'),
    bindingFile: join(directory, 'tfjs_binding.node'),
    manifestFile: join(directory, 'install.json'),
  };
}

/** The manifest of a complete build; undefined where there is none, or a damaged one. */
export function readTensorflowManifest(manifestFile: string): TensorflowManifest | undefined {
  try {
    return JSON.parse(node('node:fs').readFileSync(manifestFile, 'utf8')) as TensorflowManifest;
  } catch {
    return undefined;
  }
}

/** True in Node on a machine with an NVIDIA driver, or under WSL with a GPU. */
export function hasNvidiaDriver(): boolean {
  if (typeof process === 'undefined') return false;
  const { existsSync } = node('node:fs');
  return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/dxg');
}

/**
 * The bindings of this machine in the order to try them: where there is an NVIDIA driver those for a GPU first, our own
 * build before npm's; and why the others are not there.
 */
export function findTensorflowBindings(): { bindings: TensorflowBinding[]; missing: string[] } {
  const missing: string[] = [];
  const bindings: TensorflowBinding[] = [];

  const own = tensorflowInstallation();
  const manifest = readTensorflowManifest(own.manifestFile);
  if (manifest) {
    bindings.push({
      name: OWN_BUILD,
      gpu: manifest.gpu,
      packageDirectory: own.packageDirectory,
      file: own.bindingFile,
    });
  } else {
    const found = node('node:fs').existsSync(own.manifestFile)
      ? `a damaged ${own.manifestFile}`
      : `none in ${own.directory}`;
    missing.push(`${OWN_BUILD}: ${found} (\`mixerzoo engines install tensorflow\` makes one)`);
  }

  for (const { name, gpu } of NPM_PACKAGES) {
    const packageDirectory = findNpmPackage(name);
    const file = packageDirectory && npmBindingFile(packageDirectory);
    if (!packageDirectory) missing.push(`${name}: not installed (\`npm install ${name}\`)`);
    else if (!file) {
      missing.push(`${name}: installed without its native library; its download failed (\`npm rebuild ${name}\`)`);
    } else bindings.push({ name, gpu, packageDirectory, file });
  }
  if (hasNvidiaDriver()) bindings.sort((a, b) => Number(b.gpu) - Number(a.gpu));
  return { bindings, missing };
}

/**
 * Loads a binding and makes it the TensorFlow.js backend `tensorflow`.
 * @throws Error of the dynamic linker, or of the package's kernels.
 */
export async function startTensorflow(binding: TensorflowBinding): Promise<{ version: string; usesGpu: boolean }> {
  // libtensorflow reads these once. Without growth a process takes the whole GPU, and a sweep runs several.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  const native = { exports: {} as NativeBinding };
  process.dlopen(native, binding.file);
  const load = packageLoader(node('node:path').join(binding.packageDirectory, 'dist'));
  const { NodeJSKernelBackend } = load('./nodejs_kernel_backend') as {
    NodeJSKernelBackend: new (native: NativeBinding, packageName: string) => tf.KernelBackend;
  };
  load('./register_all_kernels');
  const packageName = NPM_PACKAGES[binding.gpu ? 0 : 1].name;
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(native.exports, packageName));
  if (!(await tf.setBackend('tensorflow'))) throw new EngineError('its backend did not initialise.');
  return { version: native.exports.TF_Version, usesGpu: native.exports.isUsingGpuDevice() };
}

/** Loads CommonJS files of the package, with our TensorFlow.js and what Node 23 took out of `node:util`. */
export function packageLoader(directory: string): (request: string) => unknown {
  const { dirname, resolve } = node('node:path');
  const { existsSync, readFileSync } = node('node:fs');
  const { compileFunction } = node('node:vm');
  const util = node('node:util');
  const given: Readonly<Record<string, unknown>> = {
    '@tensorflow/tfjs': tf,
    '@tensorflow/tfjs-core': tf,
    util: {
      ...util,
      isArray: Array.isArray,
      isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    },
    // Messages of TensorBoard summaries, which need another package and which nothing here writes.
    './proto/api_pb': {},
  };
  const modules = new Map<string, { exports: unknown }>();
  const loadFrom = (from: string) => (request: string) => {
    if (Object.hasOwn(given, request)) return given[request];
    if (!request.startsWith('.')) return process.getBuiltinModule(request);
    const base = resolve(from, request);
    const file = existsSync(`${base}.js`) ? `${base}.js` : resolve(base, 'index.js');
    const known = modules.get(file);
    if (known) return known.exports;
    const module = { exports: {} as unknown };
    modules.set(file, module);
    const run = compileFunction(readFileSync(file, 'utf8'), ['exports', 'require', 'module'], { filename: file });
    run(module.exports, loadFrom(dirname(file)), module);
    return module.exports;
  };
  return loadFrom(directory);
}

function findNpmPackage(name: string): string | undefined {
  const { createRequire } = node('node:module');
  const { dirname, join } = node('node:path');
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      // Not there: look from the next place.
    }
  }
  return undefined;
}

/** npm's addon for the newest Node-API version that this Node knows. */
function npmBindingFile(packageDirectory: string): string | undefined {
  const { existsSync } = node('node:fs');
  const newest = Number(process.versions['napi']);
  const files = Array.from({ length: newest }, (_, index) =>
    node('node:path').join(packageDirectory, 'lib', `napi-v${newest - index}`, 'tfjs_binding.node'),
  );
  return files.find((file) => existsSync(file));
}

function userCache(): string {
  const { join } = node('node:path');
  const home = node('node:os').homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches');
  if (process.platform === 'win32') return process.env['LOCALAPPDATA'] || join(home, 'AppData', 'Local');
  return process.env['XDG_CACHE_HOME'] || join(home, '.cache');
}

const node: typeof process.getBuiltinModule = (id: string) => process.getBuiltinModule(id) as never;
