/**
 * TensorFlow's Python wheel, of which the libraries alone are used: fetched with pip into a directory, and what is in it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '@mixerzoo/core/errors';
import { lastLine, runCommand } from './run-command.js';

/** A wheel for another Python does where there is none for the one installed. */
const OTHER_PYTHONS = ['3.12', '3.11'];
/** What TensorFlow opens at run time: linked to the binding, the libraries of pip's nvidia packages are found. */
const CUDA_LIBRARY =
  /^lib(cudart|cublas|cublasLt|cufft|curand|cusolver|cusparse|cudnn|cupti|nccl|nvJitLink|nvrtc)\.so\.\d+$/;

const UNREACHABLE =
  /NewConnectionError|Failed to establish|Name or service not known|Temporary failure|ProxyError|ConnectTimeout|Read timed out|SSLError/;
const NO_WHEEL = /No matching distribution|Could not find a version/;
const NO_CUDA = /No matching distribution found for (nvidia[^\s;]*)/;

const WHERE = 'engines install tensorflow';

export interface WheelOptions {
  readonly python: string;
  /** Its version, e.g. `3.11`. */
  readonly pythonVersion: string;
  /** The wheel for NVIDIA cards, with CUDA. */
  readonly gpu: boolean;
  /** Fetches anew what is there. */
  readonly force: boolean;
  onProgress(line: string): void;
}

/**
 * The wheel that is asked of pip: the one without GPU kernels where there is one.
 * @throws EngineError for a GPU on a system whose wheels have no GPU kernels.
 */
export function wheelName(gpu: boolean): string {
  const { platform, arch } = process;
  const linuxX64 = platform === 'linux' && arch === 'x64';
  if (gpu && !linuxX64) {
    throw new EngineError(
      `${WHERE} --gpu: expected Linux on x86-64, got ${platform} on ${arch}, for which TensorFlow's wheels know no GPU. ` +
        'Leave --gpu out for the CPU, or use the webgpu engine for the GPU.',
    );
  }
  if (!linuxX64) return 'tensorflow';
  return gpu ? 'tensorflow[and-cuda]' : 'tensorflow-cpu';
}

/**
 * Fetches the wheel, unless it is there.
 * @returns its name and version.
 * @throws EngineError
 */
export async function fetchWheel(
  pythonDirectory: string,
  { python, pythonVersion, gpu, force, onProgress }: WheelOptions,
): Promise<string> {
  const name = wheelName(gpu);
  const present = installedWheel(pythonDirectory);
  if (present && !force && (!gpu || cudaLibraries(pythonDirectory).length > 0)) {
    onProgress(`${present} is there`);
    return present;
  }
  const partial = `${pythonDirectory}.partial`;
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-compile', '--retries', '2'];
  let reason = '';
  for (const version of [undefined, ...OTHER_PYTHONS.filter((other) => other !== pythonVersion)]) {
    await rm(partial, { recursive: true, force: true });
    onProgress(
      version
        ? `no wheel for Python ${pythonVersion}: fetching that for ${version}, of which only the libraries are used`
        : `fetching ${name} with pip (${gpu ? 'some 3 GB' : 'some 260 MB'}; ${python}, Python ${pythonVersion})`,
    );
    const forVersion = version ? ['--python-version', version, '--only-binary=:all:'] : [];
    // Without CUDA the wheel alone is enough: its dependencies are Python's.
    const alone = gpu ? [] : ['--no-deps'];
    const { code, output } = await runCommand(python, [...pip, ...alone, ...forVersion, '--target', partial, name]);
    if (code === 0) {
      const wheel = installedWheel(partial);
      if (wheel && (!gpu || cudaLibraries(partial).length > 0)) {
        await rm(pythonDirectory, { recursive: true, force: true });
        await rename(partial, pythonDirectory);
        return wheel;
      }
      reason = wheel
        ? `expected CUDA from pip beside ${wheel}, got no library of it. Give pip an index that has the nvidia packages.`
        : `expected libtensorflow_cc in the wheel of ${name}, got none.`;
      break;
    }
    reason = pipFailure(output, name, pythonVersion);
    if (UNREACHABLE.test(output) || NO_CUDA.test(output) || !NO_WHEEL.test(output)) break;
  }
  await rm(partial, { recursive: true, force: true });
  throw new EngineError(`${WHERE}: ${reason}`);
}

function pipFailure(output: string, name: string, pythonVersion: string): string {
  if (/No space left/.test(output))
    return `expected room for ${name}, got a full disk. Set MIXERZOO_TENSORFLOW to a place with 4 GB (GPU: 12 GB).`;
  if (UNREACHABLE.test(output)) {
    return (
      `expected a package index that has ${name}, got none that answers. Check the network, or point pip to an index: ` +
      'PIP_INDEX_URL, PIP_FIND_LINKS (a directory with the wheel), or `pip config set global.index-url`.'
    );
  }
  const [, part] = NO_CUDA.exec(output) ?? [];
  if (part) {
    return `expected a package index with CUDA, got one without ${part}. PIP_INDEX_URL names another, PIP_EXTRA_INDEX_URL one more.`;
  }
  if (NO_WHEEL.test(output)) {
    return (
      `expected a wheel of ${name} for ${process.platform} ${process.arch}, Python ${pythonVersion} at pip's index, got none. ` +
      'Set PYTHON to one of the versions TensorFlow supports (tensorflow.org/install/pip), or PIP_INDEX_URL to an index that has it.'
    );
  }
  return `expected pip to install ${name}, got '${lastLine(output)}'. Try \`python3 -m pip download --no-deps ${name}\`.`;
}

/** The wheel in pip's target directory, if it has the libraries: `tensorflow-cpu 2.21.0`. */
function installedWheel(pythonDirectory: string): string | undefined {
  if (libtensorflow(join(pythonDirectory, 'tensorflow')).length < 2) return undefined;
  const names = list(pythonDirectory).map((name) => /^(tensorflow(?:_cpu)?)-(.+)\.dist-info$/.exec(name));
  const [, name, version] = names.find((match) => match !== null) ?? [];
  return name && version && `${name.replace('_', '-')} ${version}`;
}

/** libtensorflow_cc and libtensorflow_framework in `tensorflow/`, whatever the platform calls them. */
export function libtensorflow(directory: string): string[] {
  const files = list(directory).filter((name) => /^libtensorflow_(cc|framework)\.(so\.\d+|\d+\.dylib)$/.test(name));
  return files.map((name) => join(directory, name));
}

/** [directory below pip's target, file] of each CUDA library. */
export function cudaLibraries(pythonDirectory: string): [string, string][] {
  return list(join(pythonDirectory, 'nvidia')).flatMap((part) => {
    const directory = join('nvidia', part, 'lib');
    const files = list(join(pythonDirectory, directory)).filter((name) => CUDA_LIBRARY.test(name));
    return files.map((file): [string, string] => [directory, file]);
  });
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
