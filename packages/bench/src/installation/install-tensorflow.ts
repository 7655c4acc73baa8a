/**
 * Builds the tensorflow engine: the binding of `@tensorflow/tfjs-node` 4.22, unmodified, on the libtensorflow inside
 * TensorFlow's Python wheel. npm's own packages bring libtensorflow 2.9.1 for CUDA 11.2, which serves no current card.
 *
 * The wheel comes by pip, the binding's sources and the headers of Node-API by npm, which runs no install script for
 * it. The parts go to a directory of the user's cache (`MIXERZOO_TENSORFLOW` moves it), the manifest last.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EngineError } from '@mixerzoo/core/errors';
import {
  readTensorflowManifest,
  type TensorflowInstallation,
  type TensorflowManifest,
  tensorflowInstallation,
} from '@mixerzoo/core/harness';
import { firstWorking, lastLine, runCommand } from './run-command.js';
import { cudaLibraries, fetchWheel, libtensorflow, wheelName } from './tensorflow-wheel.js';

/** The binding's version: that of TensorFlow.js. */
const TFJS_NODE = '4.22.0';
const NODE_API_HEADERS = '1.9.0';
const NODE_API_VERSION = 8;
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

  wheelName(gpu); // refuses a GPU where there is no wheel for it
  const tools = await findTools();
  await mkdir(installation.directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new EngineError(
      `${WHERE}: expected a directory that can be written, got ${installation.directory} (${error.code}). Set MIXERZOO_TENSORFLOW to another.`,
    );
  });
  await fetchBindingSources(installation, onProgress);
  const wheel = await fetchWheel(installation.pythonDirectory, { ...tools, gpu, force, onProgress });
  // Until here a build that was there before is whole: one that cannot be fetched anew stays in use.
  await rm(installation.manifestFile, { force: true });
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
    const version = await runCommand(python, ['-c', "import sys; print('%d.%d' % sys.version_info[:2])"]);
    pythonVersion = version.output.trim();
    if ((await runCommand(python, ['-m', 'pip', '--version'])).code !== 0) {
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
      const packed = await runCommand('npm', ['pack', name, '--silent', '--pack-destination', unpacked], unpacked);
      const [archive] = (await readdir(unpacked)).filter((file) => file.endsWith('.tgz'));
      if (packed.code !== 0 || !archive) {
        throw new EngineError(
          `${WHERE}: expected ${name} from npm, got '${lastLine(packed.output)}'. Check \`npm ping\` and npm's registry setting.`,
        );
      }
      const untar = await runCommand('tar', ['-xzf', archive], unpacked);
      if (untar.code !== 0)
        throw new EngineError(`${WHERE}: expected ${archive} to unpack, got '${lastLine(untar.output)}'.`);
      await rm(directory, { recursive: true, force: true });
      await rename(join(unpacked, 'package'), directory);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }
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
  const { code, output } = await runCommand(compiler, [
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

function installHint(debian: string, homebrew: string): string {
  return process.platform === 'darwin' ? `brew install ${homebrew}` : `e.g. apt-get install ${debian}`;
}
