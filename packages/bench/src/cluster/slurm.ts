/** An experiment as an array job of Slurm: tasks over one directory, each of which takes runs that nobody has. */
import type { ClusterSettings } from './settings.js';

export interface Job {
  /** Of letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Program and arguments that bring the runs to their end. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** Where logs go. */
  readonly directory: string;
}

/**
 * The script for `sbatch`. Before the limit Slurm sends SIGUSR1: the command saves what it is at, and the task goes back into the
 * queue. On preemption and `scancel` it is SIGTERM: saved too, and what becomes of the task is for Slurm to say.
 */
export function slurmScript({ name, command, cwd, directory }: Job, settings: ClusterSettings): string {
  const { tasks, time, gpus, cpusPerTask, mem, partition, sbatch, saveSeconds } = settings;
  const options = [
    `--job-name=mixerzoo-${name}`,
    `--array=0-${tasks - 1}`,
    `--output=${directory}/slurm-%A_%a.log`,
    '--open-mode=append',
    '--requeue',
    `--signal=B:USR1@${saveSeconds}`,
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(cpusPerTask === undefined ? [] : [`--cpus-per-task=${cpusPerTask}`]),
    ...(gpus === undefined ? [] : ['--ntasks=1', `--gpus-per-task=${gpus}`]),
    ...(mem === undefined ? [] : [`--mem=${mem}`]),
    ...sbatch,
  ];
  return `#!/bin/bash
${options.map((option) => `#SBATCH ${option}`).join('\n')}

cd ${quoteWord(cwd)} || exit 1
${command.map(quoteWord).join(' ')} &
command=$!
requeue=
trap 'requeue=yes; kill -USR1 "$command" 2> /dev/null' USR1
trap 'kill -TERM "$command" 2> /dev/null' TERM
wait "$command"
code=$?
while [ "$code" -gt 128 ] && kill -0 "$command" 2> /dev/null; do # a signal ended the wait, and not the command
  wait "$command"
  code=$?
done
if [ "$requeue" = yes ] && [ "$code" -gt 1 ]; then
  scontrol requeue "$SLURM_JOB_ID"
  sleep 60 # Slurm ends the script
fi
exit "$code"
`;
}

/** A word for the shell. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
