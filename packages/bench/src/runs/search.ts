/**
 * Which learning rates of a model go on: successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943). All rates are trained to
 * the first rung, an epoch, under the schedule of the full budget; the best share of them by validation goes on to the next, and
 * what is left after the last rung to the end, where the best is the model's.
 *
 * What is decided follows from the protocol in the configs of the runs and from their records alone: in whatever order runs were
 * trained, and however often they were interrupted, the same rates are left out.
 */
import { formatPercent } from '../report/format.js';
import { type EpochRecord, hasDiverged, type RunRecord, reaches } from './results.js';
import { measureOf, type RunConfig } from './run-config.js';

/** What is known of a run. */
export type Trial = Pick<RunRecord, 'config' | 'epochs' | 'result'>;

/** Where a learning rate stands. */
export type Standing =
  /** To be trained to the end of this epoch; undefined: to the end. */
  | { readonly kind: 'due'; readonly until: number | undefined }
  /** Trained so far that it can be compared with the others, which are not. */
  | { readonly kind: 'waiting'; readonly epoch: number }
  | { readonly kind: 'leftOut'; readonly message: string }
  /** Trained to the end. */
  | { readonly kind: 'finished' }
  /** No rate is left, since those that were have diverged. */
  | { readonly kind: 'diverged' };

/** How far the search of a model has come. */
export interface SearchState {
  readonly seed: number;
  /** By learning rate. */
  readonly standings: ReadonlyMap<number, Standing>;
  /** The rate of the model; undefined until the search has ended, or where all have diverged. */
  readonly chosen: number | undefined;
}

/** What rates are compared by; of one that has diverged the worst there is. */
type Score = Pick<NonNullable<ReturnType<typeof validationOf>>, 'accuracy' | 'loss'>;

const DIVERGED: Score = { accuracy: 0, loss: Number.POSITIVE_INFINITY };

/** The state of the search of one model in one setting, from its runs. Undefined where its configs ask for none. */
export function followSearch(runs: readonly Trial[]): SearchState | undefined {
  const config = runs.find((run) => run.config.search)?.config;
  if (!config?.search) return undefined;
  const { rates, rungs, keep, seed } = config.search;
  const trials = new Map(
    runs
      .filter((run) => run.config.seed === seed)
      .map(({ config, epochs, result }) => [config.learningRate, { config, epochs, result }] as const),
  );
  const standings = new Map<number, Standing>();
  const state = { seed, standings, chosen: undefined };
  let left = [...rates].sort((a, b) => a - b);
  for (const rung of [...rungs, Number.POSITIVE_INFINITY]) {
    if (left.length === 1 && rung !== Number.POSITIVE_INFINITY) continue;
    const scores = left.map((rate) => ({ rate, score: scoreAt(trials.get(rate), rung) }));
    const until = rung === Number.POSITIVE_INFINITY ? undefined : rung;
    if (!scores.every(isScored)) {
      for (const { rate, score } of scores) standings.set(rate, score ? settled(until) : { kind: 'due', until });
      return state;
    }
    const ranked = scores.sort((a, b) => compare(config, a, b));
    const best = ranked[0]!;
    const sound = ranked.filter(({ score }) => score !== DIVERGED);
    if (best.score === DIVERGED) {
      for (const rate of left) standings.set(rate, { kind: 'diverged' });
      return state;
    }
    const { enoughAt } = config;
    const enough = enoughAt !== undefined && reaches(config, best.score, enoughAt);
    const on = until === undefined ? sound : sound.slice(0, enough ? 1 : kept(ranked.length, keep));
    for (const { rate, score } of ranked.filter((one) => !on.includes(one))) {
      const epoch = until ?? trials.get(rate)?.epochs.at(-1)?.epoch ?? 0;
      standings.set(rate, { kind: 'leftOut', message: leftOutInWords(config, epoch, score, best.score) });
    }
    left = on.map(({ rate }) => rate);
    if (until !== undefined) continue;
    for (const rate of left) standings.set(rate, { kind: 'finished' });
    return { ...state, chosen: best.rate };
  }
  return state;
}

/** Why a search leaves out a run of its model; undefined where it may be called for. */
export function whyLeftOut(
  { seed, standings, chosen }: SearchState,
  run: Pick<RunConfig, 'seed' | 'learningRate'>,
): string | undefined {
  const standing = standings.get(run.learningRate);
  if (run.seed !== seed && chosen !== undefined && run.learningRate !== chosen) {
    return `the search has chosen the learning rate ${chosen}`;
  }
  return standing?.kind === 'leftOut' ? standing.message : undefined;
}

/**
 * The runs that will not be trained, by what is known of the others, and why.
 * @param group all runs of one model that depend on each other, in the order in which they are tried.
 */
export function unneededRuns<T extends Trial>(group: readonly T[]): Map<T, string> {
  const search = followSearch(group);
  const good = group.findIndex(({ config, result }) => {
    const { enoughAt } = config;
    return result?.status === 'done' && enoughAt !== undefined && reaches(config, result.validation, enoughAt);
  });
  const unneeded = group.flatMap((run, index): [T, string][] => {
    const solved = good >= 0 && index > good ? 'solved at a learning rate before' : undefined;
    const reason = search ? whyLeftOut(search, run.config) : solved;
    return reason === undefined || run.result?.status === 'done' ? [] : [[run, reason]];
  });
  return new Map(unneeded);
}

/** Rates of so many that go on. */
export function kept(count: number, keep: number): number {
  return Math.max(1, Math.ceil(count * keep - 1e-9)); // 30 x 0.1 is a little more than 3
}

const isScored = (one: { rate: number; score: Score | undefined }): one is { rate: number; score: Score } =>
  one.score !== undefined;

const settled = (rung: number | undefined): Standing =>
  rung === undefined ? { kind: 'finished' } : { kind: 'waiting', epoch: rung };

/** What a rate is judged by at the end of an epoch, or of the run; undefined where it has not come so far. */
function scoreAt(trial: Trial | undefined, rung: number): Score | undefined {
  if (!trial) return undefined;
  const { epochs, result } = trial;
  const done = result?.status === 'done' ? result : undefined;
  if (rung === Number.POSITIVE_INFINITY && done) return done.validation;
  if (done || (epochs.at(-1)?.epoch ?? 0) >= rung) {
    return validationOf(epochs.findLast(({ epoch }) => epoch <= rung)) ?? done?.validation;
  }
  return hasDiverged(trial) ? DIVERGED : undefined;
}

const validationOf = (epoch: EpochRecord | undefined) =>
  epoch && { accuracy: epoch.validationAccuracy, loss: epoch.validationLoss };

/** Better first; among equals the lower rate. */
function compare(
  config: RunConfig,
  a: { readonly rate: number; readonly score: Score },
  b: { readonly rate: number; readonly score: Score },
): number {
  const byAccuracy = measureOf(config) === 'likelihood' ? 0 : b.score.accuracy - a.score.accuracy;
  // Where both have diverged, infinite losses are no difference.
  return byAccuracy || a.score.loss - b.score.loss || a.rate - b.rate;
}

function leftOutInWords(config: RunConfig, epoch: number, score: Score, best: Score): string {
  const inWords = (one: Score) =>
    measureOf(config) === 'likelihood' ? `${one.loss.toFixed(3)} nats` : formatPercent(one.accuracy);
  const given = score === DIVERGED ? 'diverged' : inWords(score);
  const top = inWords(best);
  return `left out at epoch ${epoch}: ${given}${given === top ? `, as the best had, at ${tieInWords(score, best)}` : ` where the best had ${top}`}`;
}

/** Why one of two that look the same is the worse one. */
function tieInWords(score: Score, best: Score): string {
  const [loss, least] = [score.loss, best.loss].map((value) => value.toPrecision(3));
  return loss === least ? 'a higher rate' : `a loss of ${loss} where that had ${least}`;
}
