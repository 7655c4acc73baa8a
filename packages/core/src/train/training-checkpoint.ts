/** A training run on disk: what was learned, and where the run stands. */
import { firstDifference } from '../config-difference.js';
import { CheckpointError } from '../errors.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { LearnedTrees } from './learner.js';
import { restoreTrees, snapshotTrees } from './snapshot.js';
import {
  type EpochMetrics,
  type PartialEpoch,
  type TrainingState,
  trainingState,
  trainingStateSchema,
} from './training-state.js';

/** What a checkpoint has to be of. */
export interface TrainedRun {
  readonly config: Readonly<Record<string, unknown>>;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** How far a run is: its whole epochs, and the one under way. */
export interface Standing {
  readonly history: readonly EpochMetrics[];
  readonly partial: PartialEpoch | undefined;
}

/** @throws CheckpointError if it cannot be written. */
export async function saveTraining(
  directory: string,
  trees: LearnedTrees,
  config: TrainedRun['config'],
  { history, partial }: Standing,
): Promise<void> {
  const tensors = await snapshotTrees(trees);
  await writeCheckpoint(directory, { tensors, sidecar: trainingState(config, history, partial) });
}

/**
 * What was saved; the caller owns the trees, which are of the structure of `like`.
 * @throws CheckpointError if there is no checkpoint, or it is damaged, of a run with another config, or of epochs that this
 *   run does not have; no tensor is made then.
 */
export async function readTraining(
  directory: string,
  run: TrainedRun,
  like: LearnedTrees,
): Promise<Standing & { readonly trees: LearnedTrees }> {
  const { tensors, sidecar } = await readCheckpoint(directory, trainingStateSchema);
  assertStateOf(sidecar, run, directory);
  const { history, partial } = sidecar;
  return { trees: restoreTrees(tensors, like, `${directory}/model.safetensors`), history, partial };
}

function assertStateOf(state: TrainingState, run: TrainedRun, directory: string): void {
  const difference = firstDifference(run.config, state.config);
  if (difference !== undefined) {
    throw new CheckpointError(
      `${directory}/checkpoint.json: expected a checkpoint of this run, got one of another: ${difference}. Choose another directory, or restore with the config it was made with.`,
    );
  }
  const { history, partial } = state;
  const odd = history.findIndex(
    ({ epoch, step }, index) => epoch !== index + 1 || step !== epoch * run.stepsPerEpoch || epoch > run.epochs,
  );
  const found = history[odd];
  if (found) {
    throw new CheckpointError(
      `${directory}/checkpoint.json: expected at most ${run.epochs} epochs of ${run.stepsPerEpoch} steps in order, got epoch ${found.epoch} at step ${found.step} in place ${odd + 1}. ` +
        'It was not written by this trainer; delete the directory to start afresh.',
    );
  }
  if (partial && (history.length >= run.epochs || partial.sums.steps > run.stepsPerEpoch)) {
    throw new CheckpointError(
      `${directory}/checkpoint.json: expected at most ${run.epochs} epochs of ${run.stepsPerEpoch} steps, got ${partial.sums.steps} steps of epoch ${history.length + 1}. ` +
        'It was not written by this trainer; delete the directory to start afresh.',
    );
  }
}
