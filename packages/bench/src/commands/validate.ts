/**
 * `mixerzoo validate`: does a config hold what it promises? It resolves, the task's oracle solves its examples at every
 * length, and every model trains a step with finite numbers.
 */
import {
  createTrainer,
  type EngineChoice,
  foldIn,
  IGNORED_LABEL,
  InvalidConfigError,
  type Task,
  useEngine,
} from '@mixerzoo/core';
import { loadExperiment } from '../experiment-source.js';
import { discoverPlugins } from '../plugins.js';
import { presets } from '../presets/index.js';
import { type PlannedRun, resolveRuns } from '../resolve-runs.js';
import { parseSource, type SourceFlags } from './run.js';

interface Check {
  readonly experiment: string;
  readonly check: string;
  readonly ok: boolean;
  readonly message: string;
}

const ORACLE_EXAMPLES = 100;

/** @returns the exit code: 1 if a check fails. @throws InvalidConfigError if the config does not resolve. */
export async function validate(target: string | undefined, flags: SourceFlags): Promise<number> {
  const cwd = process.cwd();
  const targets = target === undefined && !flags.config ? Object.keys(presets) : [target];
  const registry = await discoverPlugins(cwd);
  const checks: Check[] = [];
  for (const each of targets) {
    const experiment = await loadExperiment(parseSource(each, flags, cwd));
    const runs = await resolveRuns(experiment, registry);
    await useEngine(experiment.engine as EngineChoice);
    const attempt = async (check: string, work: () => Promise<string>) => {
      const outcome = await work().then(
        (message) => ({ ok: true, message }),
        (error: unknown) => ({ ok: false, message: error instanceof Error ? error.message : String(error) }),
      );
      checks.push({ experiment: experiment.name, check, ...outcome });
      if (!flags.json)
        process.stdout.write(`${outcome.ok ? '✔' : '✖'} ${experiment.name}: ${check}: ${outcome.message}\n`);
    };
    const [first] = runs as [PlannedRun];
    for (const seqLen of first.config.testLengths) {
      await attempt(`oracle of ${first.task.name} at length ${seqLen}`, async () =>
        checkOracle(first.task.atLength(seqLen)),
      );
    }
    const models = new Map(runs.map((run) => [run.config.label, run]));
    for (const [label, run] of models) await attempt(`one step of ${label}`, () => checkStep(run));
  }
  const ok = checks.every((check) => check.ok);
  if (flags.json) process.stdout.write(`${JSON.stringify({ ok, checks }, null, 2)}\n`);
  return ok ? 0 : 1;
}

/** @throws InvalidConfigError if the oracle and the labels differ. */
function checkOracle(task: Task): string {
  const { count, seqLen, inputs, labels } = task.generate({ split: 'test', seed: 0, count: ORACLE_EXAMPLES });
  let scored = 0;
  for (let example = 0; example < count; example++) {
    const solved = task.solve(inputs.subarray(example * seqLen, (example + 1) * seqLen));
    for (let t = 0; t < seqLen; t++) {
      const label = labels[example * seqLen + t] as number;
      if (label === IGNORED_LABEL) continue;
      scored += 1;
      if (solved[t] !== label) {
        throw new InvalidConfigError(
          `${task.name}: expected the oracle to answer ${label} at position ${t} of example ${example}, got ${solved[t]}.`,
        );
      }
    }
  }
  return `${scored} of ${scored} answers right`;
}

async function checkStep({ config, model, task }: PlannedRun): Promise<string> {
  const trainer = await createTrainer({
    model,
    task,
    seed: foldIn(config.seed, 'validate'),
    batchSize: 2,
    examplesPerEpoch: 2,
    epochs: 1,
    optimizer: { learningRate: 1e-3 },
    validationExamples: 2,
  });
  try {
    const { trainLoss, validationLoss } = await trainer.runEpoch();
    return `loss ${trainLoss.toFixed(3)}, validation after it ${validationLoss.toFixed(3)}, ${model.parameterCount} parameters`;
  } finally {
    trainer.dispose();
  }
}
