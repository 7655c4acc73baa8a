/** How long a run trains: epochs of examples, or tokens and how often it is validated meanwhile. */
import { InvalidConfigError } from '../errors.js';

/** A budget as a trainer takes it: `epochs` of `examplesPerEpoch`, or `tokens` in so many `evaluations`. */
export interface BudgetOptions {
  readonly batchSize: number;
  readonly epochs?: number | undefined;
  readonly examplesPerEpoch?: number | undefined;
  readonly tokens?: number | undefined;
  readonly evaluations?: number | undefined;
}

const DEFAULT_EVALUATIONS = 10;

/**
 * Whole steps that read a number of tokens, rounded up to epochs of the same length: `evaluations` of them, or fewer where these
 * hold all, so that less than an epoch is added.
 * @example tokenBudget({ tokens: 1e6, evaluations: 10, batchSize: 12, seqLen: 64 }) // 10 epochs of 131 steps: 1,006,080 tokens
 */
export function tokenBudget({
  tokens,
  evaluations = DEFAULT_EVALUATIONS,
  batchSize,
  seqLen,
}: {
  readonly tokens: number;
  readonly evaluations?: number | undefined;
  readonly batchSize: number;
  readonly seqLen: number;
}): { readonly epochs: number; readonly stepsPerEpoch: number } {
  const steps = Math.ceil(tokens / (batchSize * seqLen));
  const stepsPerEpoch = Math.ceil(steps / evaluations);
  return { epochs: Math.ceil(steps / stepsPerEpoch), stepsPerEpoch };
}

/** Examples that hold a number of tokens, one at least. */
export function examplesOf(tokens: number, seqLen: number): number {
  return Math.max(1, Math.floor(tokens / seqLen));
}

/** @throws InvalidConfigError unless one of the two budgets is there, whole. */
export function trainingBudget(
  { batchSize, epochs, examplesPerEpoch, tokens, evaluations }: BudgetOptions,
  seqLen: number,
): { readonly epochs: number; readonly examplesPerEpoch: number } {
  if (tokens !== undefined && epochs === undefined && examplesPerEpoch === undefined) {
    const budget = tokenBudget({ tokens, evaluations, batchSize, seqLen });
    return { epochs: budget.epochs, examplesPerEpoch: budget.stepsPerEpoch * batchSize };
  }
  if (tokens === undefined && evaluations === undefined && epochs !== undefined && examplesPerEpoch !== undefined) {
    return { epochs, examplesPerEpoch };
  }
  const given = Object.entries({ epochs, examplesPerEpoch, tokens, evaluations }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  throw new InvalidConfigError(
    `createTrainer: expected epochs and examplesPerEpoch, or tokens and evaluations, got ${given.join(', ') || 'none of them'}. Say the budget in one of the two ways.`,
  );
}

/** @throws InvalidConfigError unless the size of the validation is said, once. */
export function validationCount(
  {
    validationExamples,
    validationTokens,
  }: { readonly validationExamples?: number | undefined; readonly validationTokens?: number | undefined },
  seqLen: number,
): number {
  if (validationExamples !== undefined && validationTokens === undefined) return validationExamples;
  if (validationTokens !== undefined && validationExamples === undefined) return examplesOf(validationTokens, seqLen);
  throw new InvalidConfigError(
    `createTrainer: expected validationExamples or validationTokens, got ${validationTokens === undefined ? 'neither' : 'both'}. Set one.`,
  );
}
