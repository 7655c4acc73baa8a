/**
 * Which learning rate stands for a model: the one with the best mean validation accuracy, or by likelihood loss, judged
 * fairly where runs are missing.
 *
 * - Two rates are compared on the seeds that both have: a sweep that was stopped may have three seeds of one rate and one of
 *   the next, and seeds differ.
 * - A run that diverged has nothing right: a rate at which every third seed diverges is no better for it.
 * - Where rates were searched, the search has chosen; it judges by the same measure at one seed (`runs/search.ts`).
 * - A rate that was spared at some seed, since another had solved it there (`sweep.enoughAt`), was tried at the hard seeds
 *   only: it does not stand for the model, unless there is no other.
 */
import { mean } from 'simple-statistics';
import { isDone, type RunRecord, reaches } from '../runs/results.js';
import { measureOf } from '../runs/run-config.js';
import { followSearch } from '../runs/search.js';

export interface RateChoice {
  readonly learningRate: number;
  /** Rates with results at some seeds only, and the seeds they lack; without what was spared. */
  readonly incomplete: readonly { readonly learningRate: number; readonly seeds: readonly number[] }[];
}

/** Chooses among the runs of one model in one setting, finished or not. Undefined where none has finished. */
export function chooseLearningRate(runs: readonly RunRecord[]): RateChoice | undefined {
  const done = runs.filter(isDone);
  const chosen = followSearch(runs)?.chosen;
  if (chosen !== undefined) return { learningRate: chosen, incomplete: [] };
  const rates = distinct(done.map(({ config }) => config.learningRate));
  const likelihood = runs.some(({ config }) => measureOf(config) === 'likelihood');
  const seeds = distinct(runs.map(({ config }) => config.seed));
  const enoughAt = runs.find(({ config }) => config.enoughAt !== undefined)?.config.enoughAt;
  const solved = new Set(
    done
      .filter(({ config, result }) => enoughAt !== undefined && reaches(config, result.validation, enoughAt))
      .map(({ config }) => config.seed),
  );
  /** What a run says of its rate; undefined of one that is not there, has not finished, or failed for another reason. */
  const score = (rate: number, seed: number) => {
    const result = runs.find(({ config }) => config.learningRate === rate && config.seed === seed)?.result;
    if (result?.status === 'done') {
      return { accuracy: result.validation.accuracy, loss: result.validation.loss };
    }
    return result?.code === 'numerical' ? { accuracy: 0, loss: Number.POSITIVE_INFINITY } : undefined;
  };
  const judged = (rate: number) => seeds.filter((seed) => score(rate, seed));
  const isBetter = (rate: number, other: number) => {
    const common = judged(rate).filter((seed) => score(other, seed));
    if (common.length === 0) return false;
    const of = (one: number, key: 'accuracy' | 'loss') => mean(common.map((seed) => score(one, seed)![key]));
    // Where both have diverged, infinite losses are no difference.
    const byLoss = of(other, 'loss') - of(rate, 'loss') || 0;
    return ((likelihood ? 0 : of(rate, 'accuracy') - of(other, 'accuracy')) || byLoss) > 0;
  };
  const lacking = (rate: number) => seeds.filter((seed) => !score(rate, seed));
  const whole = rates.filter((rate) => !lacking(rate).some((seed) => solved.has(seed)));
  const [first, ...others] = (whole.length > 0 ? whole : rates).sort((a, b) => judged(b).length - judged(a).length);
  if (first === undefined) return undefined;
  const learningRate = others.reduce((best, rate) => (isBetter(rate, best) ? rate : best), first);
  const incomplete = rates
    .map((rate) => ({ learningRate: rate, seeds: lacking(rate).filter((seed) => !solved.has(seed)) }))
    .filter((rate) => rate.seeds.length > 0);
  return { learningRate, incomplete };
}

/** Ascending, each once. */
function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
