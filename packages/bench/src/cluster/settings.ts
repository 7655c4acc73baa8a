/** What a job of a cluster asks for: `cluster` of a config, and the flags of `mixerzoo submit`, which come on top. */
import * as z from 'zod';

const count = z.number().int().positive();
/** One line, which no setting may leave. */
const line = z.string().regex(/^[^\n\r]+$/, 'expected one line');

const shape = {
  /** Tasks of the array, each a command that pulls runs until none is left. Default 4. */
  tasks: count.default(4),
  /** Runs at a time in each task. Default 1. */
  workers: count.default(1),
  /** Slurm's `--time` of a task: `04:00:00`. */
  time: line.optional(),
  /** For Slurm's `--gpus-per-task`, and Kubernetes' `nvidia.com/gpu`. */
  gpus: count.optional(),
  cpusPerTask: count.optional(),
  /** Slurm's `--mem` of a task, or Kubernetes' quantity: `16G`. */
  mem: line.optional(),
  partition: line.optional(),
  /** Further options of `sbatch`, without `#SBATCH`: `--account=lab`. */
  sbatch: z.array(line.startsWith('-')).default([]),
  /** Seconds before the limit at which runs are saved. */
  saveSeconds: count.default(120),
  /** Kubernetes: an image with Node and the project. */
  image: line.optional(),
  /** Kubernetes: the project in the image. Default `/app`. */
  workdir: line.startsWith('/').default('/app'),
  /** Kubernetes: a claim on a volume that all pods can write, mounted where the runs are kept. */
  claim: line.optional(),
};

export const clusterSchema = z.strictObject(shape);

export type ClusterSettings = z.output<typeof clusterSchema>;
