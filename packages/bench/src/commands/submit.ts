/** `mixerzoo submit`: an experiment, or a figure, as a job of a cluster whose tasks divide its runs. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { InvalidConfigError, isZooError } from '@mixerzoo/core';
import { parseConfig } from '@mixerzoo/core/harness';
import { kubernetesJob } from '../cluster/kubernetes.js';
import { type ClusterSettings, clusterSchema } from '../cluster/settings.js';
import { quoteWord, slurmScript } from '../cluster/slurm.js';
import { SUBMISSION, takeSnapshot } from '../cluster/snapshot.js';
import type { Experiment } from '../experiment/experiment.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { slug } from '../experiment/names.js';
import { resolveRuns } from '../experiment/resolve-runs.js';
import { matching, type Registry } from '../plugins.js';
import { plural } from '../report/format.js';
import { assertOwnReport } from '../report/report-owner.js';
import { replaceFile } from '../runs/replace-file.js';
import { assertWritable } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { parseCount, parseSource, type SourceFlags } from './flags.js';

type Values = readonly string[];

interface SubmitFlags extends SourceFlags {
  readonly slurm?: boolean;
  readonly kubernetes?: boolean;
  readonly submit?: boolean;
  readonly dryRun?: boolean;
  readonly out?: Values;
  readonly scale?: Values;
  readonly tasks?: Values;
  readonly workers?: Values;
  readonly time?: Values;
  readonly gpus?: Values;
  readonly cpusPerTask?: Values;
  readonly mem?: Values;
  readonly partition?: Values;
  readonly sbatch?: Values;
  readonly image?: Values;
  readonly workdir?: Values;
  readonly claim?: Values;
}

/** What is to be run on the cluster. */
interface Submission {
  readonly name: string;
  /** The command and its first arguments, given the directory of the submission once it is there. */
  words(): Promise<readonly string[]>;
  /** Of the report. */
  readonly place: string;
  readonly cluster: Experiment['cluster'];
}

/** @returns the exit code. */
export async function submit(target: string | undefined, flags: SubmitFlags): Promise<number> {
  if (flags.slurm === flags.kubernetes) {
    throw new InvalidConfigError('submit: expected one of --slurm and --kubernetes. Say which cluster it is for.');
  }
  if (flags.kubernetes && flags.submit) {
    throw new InvalidConfigError(
      'submit: expected --submit with --slurm alone. Hand the manifest over with kubectl apply -f.',
    );
  }
  const cwd = process.cwd();
  const out = resolve(cwd, flags.out?.at(-1) ?? 'runs');
  const registry = await findPlugins(cwd);
  const submission = await planSubmission(target, flags, { cwd, out, registry });
  const settings = parseConfig(clusterSchema, { ...submission.cluster, ...settingsOf(flags) }, 'submit: cluster');
  const directory = join(submission.place, SUBMISSION);
  if (flags.kubernetes) for (const key of ['image', 'claim'] as const) assertGiven(key, settings);
  const write = async (words: readonly string[]) => {
    const [program, ...rest] = flags.kubernetes ? ['npx', 'mixerzoo', ...words] : [...ownCommand(), ...words];
    const where = flags.kubernetes ? relative(cwd, out) : out;
    const command = [program!, ...rest, '--out', where, '--workers', String(settings.workers)];
    const job = { name: slug(submission.name), command, cwd, directory };
    return flags.kubernetes ? kubernetesJob(job, where, settings) : slurmScript(job, settings);
  };
  const file = join(directory, flags.kubernetes ? 'job.yaml' : 'slurm.sh');
  if (flags.dryRun) {
    print(await write([flags.scale ? 'figure' : 'run', join(directory, '…')]));
    return 0;
  }
  await assertWritable(submission.place);
  await mkdir(directory, { recursive: true });
  await replaceFile(file, await write(await submission.words()));
  const answer = flags.submit ? await hand(file) : undefined;
  if (flags.json) printJson({ file, tasks: settings.tasks, ...(answer !== undefined && { sbatch: answer }) });
  else {
    print(`${plural(settings.tasks, 'task')}, each with ${plural(settings.workers, 'run')} at a time: ${file}`);
    if (answer !== undefined) print(answer);
    else print(`Hand it over: ${flags.kubernetes ? 'kubectl apply -f' : 'sbatch'} ${quoteWord(file)}`);
    print(`Watch it: mixerzoo status ${quoteWord(relative(cwd, out) || '.')}`);
  }
  return 0;
}

async function planSubmission(
  target: string | undefined,
  flags: SubmitFlags,
  { cwd, out, registry }: { readonly cwd: string; readonly out: string; readonly registry: Registry },
): Promise<Submission> {
  const isFigure = target !== undefined && matching(registry, 'figures', target).length > 0;
  if (isFigure && matching(registry, 'presets', target).length === 0) {
    const scale = flags.scale?.at(-1) ?? 'quick';
    const place = join(out, `${target}-${scale}`);
    const assignments = (flags.set ?? []).flatMap((one) => ['--set', one]);
    const engine = flags.engine === undefined ? [] : ['--engine', flags.engine.at(-1)!];
    const words = ['figure', target, '--scale', scale, ...assignments, ...engine];
    return { name: `${target}-${scale}`, place, cluster: undefined, words: async () => words };
  }
  if (flags.scale)
    throw new InvalidConfigError(
      `submit: expected --scale with a figure alone, got it with '${target ?? 'the config'}'.`,
    );
  const source = await parseSource(target, flags, cwd, registry);
  const loaded = await loadExperiment(source, registry);
  await resolveRuns(loaded, registry); // refused here, and not by every task
  const { name, cluster } = loaded.experiment;
  const place = join(out, name);
  const from = source.file === undefined ? `preset ${source.preset}` : relative(place, source.file);
  await assertOwnReport(place, { experiments: [name], source: from });
  return {
    name,
    place,
    cluster,
    words: async () => {
      const file = await takeSnapshot(place, loaded, from);
      return ['run', flags.kubernetes ? relative(cwd, file) : file];
    },
  };
}

/** The settings that flags give; `parseConfig` holds them to the rest. */
function settingsOf(flags: SubmitFlags): Partial<ClusterSettings> {
  const counts = ['tasks', 'workers', 'gpus', 'cpusPerTask'] as const;
  const texts = ['time', 'mem', 'partition', 'image', 'workdir', 'claim'] as const;
  const entries = [
    ...counts.map((name) => [name, parseCount(flags, name)]),
    ...texts.map((name) => [name, flags[name]?.at(-1)]),
    ['sbatch', flags.sbatch],
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Partial<ClusterSettings>;
}

function assertGiven(key: 'image' | 'claim', settings: ClusterSettings): void {
  if (settings[key] !== undefined) return;
  throw new InvalidConfigError(`submit --kubernetes: expected --${key}, got none. See docs/clusters.md.`);
}

/** This very command: on the same file system it is there for the tasks too. */
const ownCommand = () => [process.execPath, ...process.execArgv, process.argv[1]!];

/** @returns what `sbatch` says. @throws InvalidConfigError where it does not take the job. */
async function hand(file: string): Promise<string> {
  try {
    return (await promisify(execFile)('sbatch', [file], { cwd: dirname(file) })).stdout.trim();
  } catch (error) {
    if (isZooError(error)) throw error;
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    const reason = code === 'ENOENT' ? 'no such command' : stderr.trim() || (error as Error).message;
    throw new InvalidConfigError(
      `submit: expected sbatch to take ${file}, got: ${reason}. The script is there: hand it over where Slurm is.`,
      {
        cause: error,
      },
    );
  }
}
