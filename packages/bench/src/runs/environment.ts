/** Where a run happens: versions, engine, machine, state of the repository. */
import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Engine } from '@mixerzoo/core';
import { findPackage, readManifest } from '../installed-packages.js';
import { ownVersion } from '../own-version.js';
import type { RunEnvironment } from './results.js';

const HERE = import.meta.dirname;

/** Facts of a machine that do not change during a session. */
export type Machine = Pick<RunEnvironment, 'platform' | 'cpu' | 'memoryBytes' | 'gpus'>;

let machine: Promise<Machine> | undefined;

/** This machine, asked once a process: that starts a dozen programs. */
export function describeMachine(): Promise<Machine> {
  machine ??= askMachine();
  return machine;
}

async function askMachine(): Promise<Machine> {
  const { default: systeminformation } = await import('systeminformation');
  const [cpu, graphics] = await Promise.all([systeminformation.cpu(), systeminformation.graphics()]);
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: {
      model: `${cpu.manufacturer} ${cpu.brand}`.trim() || (cpus()[0]?.model ?? 'unknown'),
      cores: cpus().length,
      speedGhz: Number.isFinite(cpu.speed) ? cpu.speed : 0,
    },
    memoryBytes: totalmem(),
    gpus: graphics.controllers.map((controller) => controller.model).filter((model) => model !== ''),
  };
}

/** The environment of a run, for `environment.json`. @param options `machine`: this one, where it is known. */
export async function describeEnvironment(
  engine: Engine,
  options: { seed: number; workers: number; packages: readonly string[]; machine?: Machine | undefined },
): Promise<RunEnvironment> {
  const [known, git] = await Promise.all([options.machine ?? describeMachine(), describeGit(process.cwd())]);
  const versions: Record<string, string> = { node: process.versions.node };
  for (const name of ['@mixerzoo/core', '@mixerzoo/bench', '@tensorflow/tfjs-core', ...options.packages]) {
    const version = packageVersion(name);
    if (version) versions[name] = version;
  }
  return {
    startedAt: new Date().toISOString(),
    versions,
    engine: {
      name: engine.name,
      description: engine.description,
      details: engine.details,
      ...(engine.passedOver !== undefined && { passedOver: engine.passedOver }),
    },
    ...known,
    git,
    seed: options.seed,
    workers: options.workers,
  };
}

/** The version of a package as this one, or else the working directory, sees it. */
export function packageVersion(name: string): string | undefined {
  if (name === '@mixerzoo/bench') return ownVersion();
  const directory = findPackage(HERE, name) ?? findPackage(process.cwd(), name);
  return directory === undefined ? undefined : readManifest(directory)?.version;
}

async function describeGit(cwd: string): Promise<RunEnvironment['git']> {
  const git = async (...args: string[]) => (await promisify(execFile)('git', args, { cwd })).stdout.trim();
  try {
    const [commit, branch, status] = await Promise.all([
      git('rev-parse', 'HEAD'),
      git('rev-parse', '--abbrev-ref', 'HEAD'),
      git('status', '--porcelain'),
    ]);
    return { commit, branch, dirty: status !== '' };
  } catch {
    return null; // no git, or no repository
  }
}
