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
import { loadExperiment } from '../experiment/experiment-source.js';
import { trainingRecipe } from '../experiment/recipe.js';
import { type PlannedRun, resolveRuns } from '../experiment/resolve-runs.js';
import { qualifiedName } from '../plugins.js';
import { displayNames } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { parseSource, type SourceFlags } from './flags.js';

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
  const registry = await findPlugins(cwd);
  const targets = target === undefined && !flags.config ? registry.presets.map(qualifiedName) : [target];
  const checks: Check[] = [];
  for (const each of targets) {
    const loaded = await loadExperiment(await parseSource(each, flags, cwd, registry), registry);
    const { experiment } = loaded;
    const runs = await resolveRuns(loaded, registry);
    await useEngine(experiment.engine as EngineChoice);
    const attempt = async (check: string, work: () => Promise<string>) => {
      const outcome = await work().then(
        (message) => ({ ok: true, message }),
        (error: unknown) => ({ ok: false, message: error instanceof Error ? error.message : String(error) }),
      );
      checks.push({ experiment: experiment.name, check, ...outcome });
      if (!flags.json) print(`${outcome.ok ? '✔' : '✖'} ${experiment.name}: ${check}: ${outcome.message}`);
    };
    // Of a sweep, every cell: what fits one length or width need not fit another.
    const distinctRuns = distinct(runs, ({ config: { label, model, layers, task, train } }) => [
      label,
      model,
      layers,
      task,
      train,
    ]);
    for (const { config, task } of distinct(distinctRuns, (run) => [run.config.task, run.config.testLengths])) {
      for (const seqLen of config.testLengths) {
        const trained = distinctRuns.some((other) => other.task.seqLen !== task.seqLen)
          ? ` (trained at ${task.seqLen})`
          : '';
        const what = task.solve ? 'oracle' : 'examples';
        await attempt(`${what} of ${task.name} at length ${seqLen}${trained}`, async () =>
          checkOracle(task.atLength(seqLen)),
        );
      }
    }
    const names = displayNames(distinctRuns);
    for (const run of distinctRuns) await attempt(`one step of ${names.get(run)}`, () => checkStep(run));
  }
  const ok = checks.every((check) => check.ok);
  if (flags.json) printJson({ ok, checks });
  return ok ? 0 : 1;
}

/** The first run of each key. */
function distinct(runs: readonly PlannedRun[], keyOf: (run: PlannedRun) => unknown): PlannedRun[] {
  const seen = new Set<string>();
  return runs.filter((run) => {
    const key = JSON.stringify(keyOf(run));
    return !seen.has(key) && seen.add(key);
  });
}

/** @throws InvalidConfigError if the oracle and the labels differ. */
function checkOracle(task: Task): string {
  if (!task.solve) {
    const { inputs } = task.generate({ split: 'test', seed: 0, count: 1 });
    return `${inputs.length} tokens of ${task.vocabSize} kinds read; no oracle`;
  }
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
    optimizer: trainingRecipe(config.train, config.learningRate).optimizer,
    clipNorm: config.train.clipNorm,
    validationExamples: 2,
  });
  try {
    const { trainLoss, validationLoss } = await trainer.runEpoch();
    return `loss ${trainLoss.toFixed(3)}, validation after it ${validationLoss.toFixed(3)}, ${model.parameterCount} parameters`;
  } finally {
    trainer.dispose();
  }
}
