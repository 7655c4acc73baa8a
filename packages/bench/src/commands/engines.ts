/** `mixerzoo engines list | install tensorflow | verify <engine>`: what there is, how to get it, and whether it trains. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cat } from '@mixerzoo/cat';
import { type EngineName, isZooError, useEngine } from '@mixerzoo/core';
import { EngineError, UnknownNameError } from '@mixerzoo/core/errors';
import { engineOfEnvironment } from '@mixerzoo/core/harness';
import { comparableLosses, SHORT_TRAINING, trainLosses } from '../conformance/train-losses.js';
import { installTensorflow, retractTensorflow } from '../installation/install-tensorflow.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { list } from './list.js';

interface Flags {
  readonly json?: boolean;
  readonly gpu?: boolean;
  readonly force?: boolean;
  readonly all?: boolean;
}

/** What `verify` finds. */
interface Verification {
  readonly engine: string;
  readonly description: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly steps: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** With `--all`: by mixer, the losses of {@link comparableLosses}. */
  readonly losses?: Readonly<Record<string, readonly number[]>>;
}

const STEPS = 40;
/** Of the first loss, nats: a model that learns nothing stays at it. */
const MUST_FALL_BY = 0.1;

const ACTIONS: Readonly<Record<string, (name: string | undefined, flags: Flags) => Promise<number>>> = {
  list: (_name, flags) => list('engines', flags),
  install,
  verify,
};

/** @returns the exit code. @throws UnknownNameError, EngineError */
export async function engines(action: string, name: string | undefined, flags: Flags): Promise<number> {
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (!act) throw new UnknownNameError('action', action, Object.keys(ACTIONS));
  return act(name, flags);
}

async function install(name: string | undefined, flags: Flags): Promise<number> {
  if (name !== 'tensorflow') {
    if (name === 'wasm' || name === 'cpu')
      throw new EngineError(`engines install: '${name}' is built in: nothing to install.`);
    if (name === 'webgpu') {
      throw new EngineError(
        "engines install: 'webgpu' is two npm packages. Run `npm install webgpu @tensorflow/tfjs-backend-webgpu`.",
      );
    }
    throw new UnknownNameError('engine to install', name ?? 'none', ['tensorflow']);
  }
  const start = performance.now();
  const onProgress = (line: string) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0).padStart(4);
    print(`${seconds} s  ${line}`, process.stderr);
  };
  const build = await installTensorflow({ gpu: flags.gpu ?? false, force: flags.force ?? false, onProgress });
  onProgress(`${build.built ? 'built' : 'is built'} in ${build.installation.directory}; training a small CAT on it`);
  const found = await verifyInProcess('tensorflow').catch(async (error: unknown) => {
    await retractTensorflow(build.installation);
    throw error;
  });
  const onGpu = found.details['gpu'] === true;
  const result = {
    directory: build.installation.directory,
    ...build.manifest,
    built: build.built,
    verification: found,
  };
  if (flags.json) printJson(result);
  else {
    print(formatVerification(found));
    if (build.manifest.gpu && !onGpu) {
      print(
        'The build is for GPUs but found none: it needs an NVIDIA driver (`nvidia-smi` must list the card; CUDA comes from pip).',
      );
    }
  }
  return 0;
}

async function verify(name: string | undefined, flags: Flags): Promise<number> {
  const engine = await useEngine((name ?? engineOfEnvironment() ?? 'auto') as EngineName);
  const { dModel } = SHORT_TRAINING;
  const course = await trainLosses(cat({ dModel }), STEPS);
  const [firstLoss, lastLoss] = [mean(course.slice(0, 5)), mean(course.slice(-5))];
  if (!(lastLoss < firstLoss - MUST_FALL_BY)) {
    throw new EngineError(
      `engines verify: expected the loss of a small CAT to fall on ${engine.name} (${engine.description}), ` +
        `got ${firstLoss.toFixed(3)} to ${lastLoss.toFixed(3)} in ${STEPS} steps. Do not train on it; please report it.`,
    );
  }
  const losses = flags.all ? await lossesOfEveryMixer() : undefined;
  const found: Verification = {
    engine: engine.name,
    description: engine.description,
    details: engine.details,
    steps: STEPS,
    firstLoss,
    lastLoss,
    ...(losses && { losses }),
  };
  if (flags.json) printJson(found);
  else print(formatVerification(found));
  return 0;
}

async function lossesOfEveryMixer(): Promise<Record<string, number[]>> {
  const { mixers } = await findPlugins(process.cwd());
  const losses: Record<string, number[]> = {};
  for (const { name, packageName, part } of mixers) {
    const alone = mixers.filter((other) => other.name === name).length === 1;
    losses[alone ? name : `${packageName}#${name}`] = await comparableLosses(part);
  }
  return losses;
}

/** Verifies in a fresh process, as an engine is loaded once and for all. @throws EngineError with its complaint. */
async function verifyInProcess(name: EngineName): Promise<Verification> {
  const [entry] = process.argv.slice(1, 2) as [string];
  const args = [...process.execArgv, entry, 'engines', 'verify', name, '--json'];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Verification;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const words = (stderr || message).trim().split('\n').slice(-3).join(' ');
    throw new EngineError(`engines install ${name}: expected it to train, got: ${words}`, {
      ...(isZooError(error) ? {} : { cause: error }),
    });
  }
}

function formatVerification({ engine, description, steps, firstLoss, lastLoss }: Verification): string {
  return `${engine}: ${description}. A small CAT trains on it: loss ${firstLoss.toFixed(3)} to ${lastLoss.toFixed(3)} in ${steps} steps.`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
