/**
 * A training of ours, and the same in PyTorch: initial parameters, batches and their order are those that our trainer took, everything else is
 * PyTorch's (`torch_control.py`): model, AdamW with its decay mask, schedule, clipping.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createTrainer, type Examples, flattenTree, IGNORED_LABEL, type Task, writeSafetensors } from '@mixerzoo/core';
import type { PlannedRun } from '../../packages/bench/src/experiment/resolve-runs.js';
import { trainerConfig } from '../../packages/bench/src/runs/trainer-config.js';
import { repositoryFile } from '../repository.js';

const PYTHON_SCRIPT = fileURLToPath(repositoryFile('benchmarks/peers/torch_control.py'));

/** What a training tells, a number for every step. */
export interface Course {
  /** Mean cross-entropy of the batch, nats. */
  readonly losses: readonly number[];
  /** Global norm of the gradients, before clipping. */
  readonly norms: readonly number[];
  /** Learning rates. */
  readonly rates: readonly number[];
}

/** How far two courses are from each other where they differ most: relative to the second, and the step, from 1. */
export interface Difference {
  readonly relative: number;
  readonly step: number;
}

/** A model trained by us, by PyTorch, and by PyTorch in float64, which tells what rounding alone does. */
export interface Control {
  readonly label: string;
  readonly parameters: number;
  /** Of PyTorch. */
  readonly version: string;
  readonly losses: {
    readonly ours: readonly number[];
    readonly torch: readonly number[];
    readonly torch64: readonly number[];
  };
  /** Ours from PyTorch's. */
  readonly difference: Readonly<Record<keyof Course, Difference>>;
  /** PyTorch's losses from its own in float64. */
  readonly rounding: Difference;
}

/**
 * Trains a run as `mixerzoo run` does, to its end, and writes what it started from and was fed with.
 * @param file - a safetensors file: parameters by path, `batch.<i>.inputs` and `.labels` [batchSize, L].
 * @throws Error for a run whose batches are not fresh.
 */
export async function trainOurs(run: PlannedRun, file: string): Promise<Course> {
  const batches: Examples[] = [];
  const task: Task = {
    ...run.task,
    generate(request) {
      const examples = run.task.generate(request);
      if (request.split === 'train') batches.push(examples);
      return examples;
    },
  };
  const trainer = await createTrainer({ ...trainerConfig(run), task });
  const initial = await Promise.all(
    flattenTree(trainer.params).map(
      async ([path, leaf]) => [path, { shape: leaf.shape, data: (await leaf.data()) as Float32Array }] as const,
    ),
  );
  const course = { losses: [] as number[], norms: [] as number[], rates: [] as number[] };
  while (!trainer.done) {
    await trainer.runEpoch({
      onStep({ loss, gradientNorm, learningRate }) {
        course.losses.push(loss);
        course.norms.push(gradientNorm);
        course.rates.push(learningRate);
      },
    });
  }
  trainer.dispose();
  if (batches.length !== course.losses.length) {
    throw new Error(
      `control: expected a batch for each of ${course.losses.length} steps, got ${batches.length}. Set train.freshExamples.`,
    );
  }
  const entries = batches.flatMap(({ inputs, labels, count, seqLen }, index) =>
    Object.entries({ inputs, labels }).map(
      ([name, data]) => [`batch.${index}.${name}`, { shape: [count, seqLen], data: Int32Array.from(data) }] as const,
    ),
  );
  await writeFile(file, writeSafetensors([...initial, ...entries], { ignoredLabel: String(IGNORED_LABEL) }));
  return course;
}

/**
 * The training of such a file in PyTorch.
 * @param python - a Python that has torch.
 * @throws Error with what it said last, if it fails.
 */
export async function trainTorch(
  { model, config }: PlannedRun,
  file: string,
  { python, precision }: { readonly python: string; readonly precision: 'float32' | 'float64' },
): Promise<Course & { readonly version: string }> {
  const { train, learningRate } = config;
  const steps = train.epochs * train.stepsPerEpoch;
  const told = { file, model: model.config, train, learningRate, steps, precision };
  return JSON.parse(await ask(python, JSON.stringify(told))) as Course & { version: string };
}

/** What the script answers to a line. */
function ask(python: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [PYTHON_SCRIPT], { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    let [answer, errors] = ['', ''];
    child.stdout.on('data', (chunk) => {
      answer += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      errors = (errors + String(chunk)).slice(-4000);
    });
    child.stdin.on('error', () => {}); // it has ended: said below
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) return resolve(answer);
      const said = errors.trim().split('\n').at(-1) ?? '';
      return reject(new Error(`control: expected an answer of ${python}, got exit code ${code}: ${said}`));
    });
    child.stdin.end(`${line}\n`);
  });
}

/** All three trainings of a run, compared. */
export async function runControl(run: PlannedRun, file: string, python: string): Promise<Control> {
  const ours = await trainOurs(run, file);
  const torch = await trainTorch(run, file, { python, precision: 'float32' });
  const torch64 = await trainTorch(run, file, { python, precision: 'float64' });
  const difference = (part: keyof Course) => largestDifference(ours[part], torch[part]);
  return {
    label: run.config.label,
    parameters: run.model.parameterCount,
    version: torch.version,
    losses: { ours: ours.losses, torch: torch.losses, torch64: torch64.losses },
    difference: { losses: difference('losses'), norms: difference('norms'), rates: difference('rates') },
    rounding: largestDifference(torch.losses, torch64.losses),
  };
}

/** @param others - as many as `some`; NaN where there is one too few, or a number that is none. */
export function largestDifference(some: readonly number[], others: readonly number[]): Difference {
  const length = Math.max(some.length, others.length);
  const differences = Array.from({ length }, (_, index) => {
    const [value, other] = [some[index] ?? Number.NaN, others[index] ?? Number.NaN];
    return Math.abs(value - other) / Math.abs(other);
  });
  const missing = differences.findIndex(Number.isNaN);
  const relative = missing < 0 ? Math.max(...differences) : Number.NaN;
  return { relative, step: 1 + (missing < 0 ? differences.indexOf(relative) : missing) };
}
