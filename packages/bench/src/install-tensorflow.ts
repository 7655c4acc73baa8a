/**
 * Builds the tensorflow engine: the binding of `@tensorflow/tfjs-node` 4.22, unmodified, on the libtensorflow inside
 * TensorFlow's Python wheel. npm's own packages bring libtensorflow 2.9.1 for CUDA 11.2, which serves no current card.
 *
 * The wheel comes by pip, the binding's sources and the headers of Node-API by npm, which runs no install script for
 * it. The parts go to a directory of the user's cache (`MIXERZOO_TENSORFLOW` moves it), the manifest last.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  EngineError,
  readTensorflowManifest,
  type TensorflowInstallation,
  type TensorflowManifest,
  tensorflowInstallation,
} from '@mixerzoo/core';

/** The binding's version: that of TensorFlow.js. */
const TFJS_NODE = '4.22.0';
const NODE_API_HEADERS = '1.9.0';
const NODE_API_VERSION = 8;
/** Only the libraries of a wheel are used, so one for another Python does where there is none for the one installed. */
const OTHER_PYTHONS = ['3.12', '3.11'];
/** What TensorFlow opens at run time: linked to the binding, the libraries of pip's nvidia packages are found. */
const CUDA_LIBRARY = /^lib(cudart|cublas|cublasLt|cufft|curand|cusolver|cusparse|cudnn|cupti|nccl|nvJitLink)\.so\.\d+$/;

const UNREACHABLE =
  /NewConnectionError|Failed to establish|Name or service not known|Temporary failure|ProxyError|ConnectTimeout|Read timed out|SSLError/;
const NO_WHEEL = /No matching distribution|Could not find a version/;

const WHERE = 'engines install tensorflow';

export interface InstallOptions {
  /** The wheel for NVIDIA cards, with CUDA from pip. */
  readonly gpu: boolean;
  /** Builds anew what is there. */
  readonly force: boolean;
  /** Told what is being done. */
  onProgress(line: string): void;
}

/** A build that is there. */
export interface TensorflowBuild {
  readonly installation: TensorflowInstallation;
  readonly manifest: TensorflowManifest;
  /** False where it was there before. */
  readonly built: boolean;
}

/**
 * Makes the build, or finds it made.
 * @throws EngineError naming everything that is missing, and how to get it.
 */
export async function installTensorflow({ gpu, force, onProgress }: InstallOptions): Promise<TensorflowBuild> {
  const installation = tensorflowInstallation();
  const existing = readTensorflowManifest(installation.manifestFile);
  if (existing && !force && (existing.gpu || !gpu)) return { installation, manifest: existing, built: false };

  const tools = await findTools();
  await mkdir(installation.directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new EngineError(
      `${WHERE}: expected a directory that can be written, got ${installation.directory} (${error.code}). Set MIXERZOO_TENSORFLOW to another.`,
    );
  });
  await rm(installation.manifestFile, { force: true });

  await fetchBindingSources(installation, onProgress);
  const wheel = await fetchWheel(installation, tools, { gpu, force, onProgress });
  await compile(installation, tools, onProgress);
  const manifest: TensorflowManifest = {
    format: 1,
    wheel,
    tfjsNode: TFJS_NODE,
    gpu,
    platform: `${process.platform} ${process.arch}`,
  };
  const draft = `${installation.manifestFile}.partial`;
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(draft, installation.manifestFile);
  return { installation, manifest, built: true };
}

/** Takes back the claim that the build is complete, e.g. when it does not train. */
export async function retractTensorflow(installation: TensorflowInstallation): Promise<void> {
  await rm(installation.manifestFile, { force: true });
}

interface Tools {
  readonly python: string;
  /** e.g. `3.11`. */
  readonly pythonVersion: string;
  readonly compiler: string;
}

/** @throws EngineError listing all that is missing. */
async function findTools(): Promise<Tools> {
  if (process.platform === 'win32') {
    throw new EngineError(`${WHERE}: expected Linux or macOS, got Windows. Use it in WSL 2, which sees the GPU too.`);
  }
  const missing: string[] = [];
  const python = await firstWorking([process.env['PYTHON'], 'python3', 'python'], ['-c', 'import sys']);
  let pythonVersion = '';
  if (!python) missing.push(`python3 (${installHint('python3 python3-pip', 'python')}, or set PYTHON)`);
  else {
    const version = await run(python, ['-c', "import sys; print('%d.%d' % sys.version_info[:2])"]);
    pythonVersion = version.output.trim();
    if ((await run(python, ['-m', 'pip', '--version'])).code !== 0) {
      missing.push(`pip for ${python} (${installHint('python3-pip', 'python')}, or \`${python} -m ensurepip\`)`);
    }
  }
  const compiler = await firstWorking([process.env['CXX'], 'g++', 'c++', 'clang++'], ['--version']);
  if (!compiler) missing.push(`a C++ compiler (${installHint('g++', 'llvm')}, or set CXX)`);
  if (!(await firstWorking(['npm'], ['--version']))) missing.push('npm (it comes with Node; put it on the PATH)');
  if (!(await firstWorking(['tar'], ['--version']))) missing.push(`tar (${installHint('tar', 'gnu-tar')})`);
  if (missing.length > 0) {
    throw new EngineError(
      `${WHERE}: expected python3 with pip, a C++ compiler, npm and tar; missing: ${missing.join('; ')}.`,
    );
  }
  return { python: python as string, pythonVersion, compiler: compiler as string };
}

/** npm's tarballs, unpacked; no install script runs. */
async function fetchBindingSources(
  installation: TensorflowInstallation,
  onProgress: (line: string) => void,
): Promise<void> {
  const wanted = [
    [`@tensorflow/tfjs-node@${TFJS_NODE}`, installation.packageDirectory],
    [`node-api-headers@${NODE_API_HEADERS}`, headersDirectory(installation)],
  ] as const;
  for (const [name, directory] of wanted) {
    if (existsSync(join(directory, 'package.json'))) continue;
    onProgress(`fetching ${name} with npm`);
    const unpacked = await mkdtemp(join(installation.directory, 'npm-'));
    try {
      const packed = await run('npm', ['pack', name, '--silent', '--pack-destination', unpacked], unpacked);
      const [archive] = (await readdir(unpacked)).filter((file) => file.endsWith('.tgz'));
      if (packed.code !== 0 || !archive) {
        throw new EngineError(
          `${WHERE}: expected ${name} from npm, got '${lastLine(packed.output)}'. Check \`npm ping\` and npm's registry setting.`,
        );
      }
      const untar = await run('tar', ['-xzf', archive], unpacked);
      if (untar.code !== 0)
        throw new EngineError(`${WHERE}: expected ${archive} to unpack, got '${lastLine(untar.output)}'.`);
      await rm(directory, { recursive: true, force: true });
      await rename(join(unpacked, 'package'), directory);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }
}

/** @returns the wheel's name and version. */
async function fetchWheel(
  { pythonDirectory }: TensorflowInstallation,
  { python, pythonVersion }: Tools,
  { gpu, force, onProgress }: InstallOptions,
): Promise<string> {
  const slim = process.platform === 'linux' && process.arch === 'x64' && !gpu;
  const name = slim ? 'tensorflow-cpu' : gpu && process.platform === 'linux' ? 'tensorflow[and-cuda]' : 'tensorflow';
  const fits = () => !gpu || existsSync(join(pythonDirectory, 'nvidia'));
  const present = installedWheel(pythonDirectory);
  if (present && !force && fits()) {
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
    const { code, output } = await run(python, [...pip, ...alone, ...forVersion, '--target', partial, name]);
    if (code === 0) {
      await rm(pythonDirectory, { recursive: true, force: true });
      await rename(partial, pythonDirectory);
      const wheel = installedWheel(pythonDirectory);
      if (wheel) return wheel;
      throw new EngineError(`${WHERE}: expected the wheel to hold libtensorflow_cc, got none in ${pythonDirectory}.`);
    }
    reason = pipFailure(output, name, pythonVersion);
    if (UNREACHABLE.test(output) || !NO_WHEEL.test(output)) break;
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
  if (NO_WHEEL.test(output)) {
    return (
      `expected a wheel of ${name} for ${process.platform} ${process.arch}, Python ${pythonVersion}, got none. ` +
      'Set PYTHON to one of the versions TensorFlow supports (tensorflow.org/install/pip).'
    );
  }
  return `expected pip to install ${name}, got '${lastLine(output)}'. Try \`python3 -m pip download --no-deps ${name}\`.`;
}

/** Compiles the binding and links it, by paths relative to itself, to the libraries beside it. */
async function compile(
  installation: TensorflowInstallation,
  { compiler }: Tools,
  onProgress: (line: string) => void,
): Promise<void> {
  const { packageDirectory, pythonDirectory, bindingFile } = installation;
  const mac = process.platform === 'darwin';
  const tensorflow = join(pythonDirectory, 'tensorflow');
  const here = mac ? '@loader_path' : '$ORIGIN';
  const cuda = cudaLibraries(pythonDirectory);
  const libraries = [
    ...libtensorflow(tensorflow),
    ...(cuda.length > 0
      ? ['-Wl,--no-as-needed', ...cuda.map(([directory, file]) => join(pythonDirectory, directory, file))]
      : []),
  ];
  const rpaths = ['tensorflow', ...new Set(cuda.map(([directory]) => directory))].map(
    (directory) => `-Wl,-rpath,${here}/${basename(pythonDirectory)}/${directory}`,
  );
  const sources = (await readdir(join(packageDirectory, 'binding')))
    .filter((file) => file.endsWith('.cc'))
    .map((file) => join(packageDirectory, 'binding', file));
  onProgress(`compiling the binding with ${compiler}`);
  const draft = `${bindingFile}.partial`;
  const { code, output } = await run(compiler, [
    ...(mac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
    ...['-fPIC', '-O2', '-std=c++17', '-w', `-DNAPI_VERSION=${NODE_API_VERSION}`],
    ...[packageDirectory, join(tensorflow, 'include'), join(headersDirectory(installation), 'include')].map(
      (directory) => `-I${directory}`,
    ),
    ...sources,
    ...libraries,
    ...rpaths,
    ...['-o', draft],
  ]);
  if (code !== 0) {
    const complaint = output.split('\n').find((line) => /error/i.test(line)) ?? lastLine(output);
    throw new EngineError(
      `${WHERE}: expected the binding to compile, got '${complaint.trim()}'. It needs C++17: g++ 9, clang 10 or later (CXX names another).`,
    );
  }
  await rename(draft, bindingFile);
}

const headersDirectory = ({ directory }: TensorflowInstallation) => join(directory, 'node-api-headers');

/** The wheel in pip's target directory, if it has the libraries: `tensorflow-cpu 2.21.0`. */
function installedWheel(pythonDirectory: string): string | undefined {
  if (libtensorflow(join(pythonDirectory, 'tensorflow')).length < 2) return undefined;
  const names = list(pythonDirectory).map((name) => /^(tensorflow(?:_cpu)?)-(.+)\.dist-info$/.exec(name));
  const [, name, version] = names.find((match) => match !== null) ?? [];
  return name && version && `${name.replace('_', '-')} ${version}`;
}

/** libtensorflow_cc and libtensorflow_framework, whatever the platform calls them. */
function libtensorflow(directory: string): string[] {
  const files = list(directory).filter((name) => /^libtensorflow_(cc|framework)\.(so\.\d+|\d+\.dylib)$/.test(name));
  return files.map((name) => join(directory, name));
}

/** [directory below pip's target, file] of each CUDA library. */
function cudaLibraries(pythonDirectory: string): [string, string][] {
  return list(join(pythonDirectory, 'nvidia')).flatMap((part) => {
    const directory = join('nvidia', part, 'lib');
    const files = list(join(pythonDirectory, directory)).filter((name) => CUDA_LIBRARY.test(name));
    return files.map((file): [string, string] => [directory, file]);
  });
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function installHint(debian: string, homebrew: string): string {
  return process.platform === 'darwin' ? `brew install ${homebrew}` : `e.g. apt-get install ${debian}`;
}

async function firstWorking(commands: readonly (string | undefined)[], args: string[]): Promise<string | undefined> {
  for (const command of commands) if (command && (await run(command, args)).code === 0) return command;
  return undefined;
}

const lastLine = (output: string) => output.trim().split('\n').at(-1) ?? '';

/** Runs a command; `code` is null where it could not be started. */
function run(
  command: string,
  args: readonly string[],
  cwd = process.cwd(),
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
