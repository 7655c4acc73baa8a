/** The part of an experiment that a machine of its own takes, where machines share no directory. */
import { InvalidConfigError } from '@mixerzoo/core';
import type { PlannedRun } from '../experiment/resolve-runs.js';
import { grouped } from '../runs/run-experiment.js';

/** The `index`-th of `count` parts, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

const EXPECTED = "expected i/n, the i-th of n parts from 0, or 'auto'";

/**
 * `--shard`: `0/4`, or `auto`: as Slurm's array or Kubernetes' Indexed Job says.
 * @throws InvalidConfigError
 */
export function parseShard(text: string, env: NodeJS.ProcessEnv = process.env): Shard {
  if (text === 'auto') return shardOfEnvironment(env);
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (index !== undefined && shard.index < shard.count) return shard;
  throw new InvalidConfigError(`--shard: ${EXPECTED}, got '${text}'.`);
}

function shardOfEnvironment(env: NodeJS.ProcessEnv): Shard {
  const number = (name: string) => {
    const text = env[name];
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const task = number('SLURM_ARRAY_TASK_ID');
  const tasks = number('SLURM_ARRAY_TASK_COUNT');
  if (task !== undefined && tasks !== undefined) {
    const index = (task - (number('SLURM_ARRAY_TASK_MIN') ?? 0)) / (number('SLURM_ARRAY_TASK_STEP') ?? 1);
    if (Number.isInteger(index) && index >= 0 && index < tasks) return { index, count: tasks };
    throw new InvalidConfigError(
      `--shard auto: expected an array of tasks in even steps, got task ${task} of ${tasks}. Say which part it is: --shard i/n.`,
    );
  }
  const pod = number('JOB_COMPLETION_INDEX');
  const pods = number('MIXERZOO_SHARDS');
  if (pod !== undefined && pods !== undefined && pod < pods) return { index: pod, count: pods };
  const wanting =
    pod !== undefined ? 'MIXERZOO_SHARDS beside JOB_COMPLETION_INDEX' : 'SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX';
  throw new InvalidConfigError(
    `--shard auto: expected ${wanting} in the environment, got none. Say which part it is: --shard i/n.`,
  );
}

/** The runs of a part: each run in one part, and those that wait for each other in the same. */
export function runsOf(runs: readonly PlannedRun[], { index, count }: Shard): PlannedRun[] {
  const groups = grouped(runs);
  const mine = new Set(groups.filter((_, place) => place % count === index).flat());
  return runs.filter((run) => mine.has(run));
}
