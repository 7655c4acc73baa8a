/** What can be said of accuracies at many learning rates. */
import { max, min } from 'simple-statistics';
import { formatEstimate } from '../report/format.js';
import { claim, hasLearned, type MeasuredPoint } from './claims.js';
import type { Claim, FigurePoint, Measured } from './figure.js';

/** A rate counts as good within 5 points of the model's best, in the mean of its runs. */
const NEAR = 0.05;

/** The rates at which a model is about as good as it can be. */
interface Window {
  readonly low: number;
  readonly high: number;
  /** Of the highest to the lowest; 1 where one rate alone is good. */
  readonly factor: number;
  readonly best: MeasuredPoint;
  /** True where the window reaches the end of the grid, and may go on. */
  readonly open: boolean;
}

/**
 * The good learning rates of one model span a smaller factor than those of another: the highest over the lowest rate within 5 points of
 * its best. A rate whose runs diverged is none. For figures along `learningRate`, of one width.
 */
export function hasNarrowerWindow(model: string, than: string, source: string, text: string): Claim {
  const judged = claim({ models: [model, than] }, source, text, (points) => {
    const windows = [model, than].map((one) => ({
      model: one,
      ...windowOf(points.filter((point) => point.model === one)),
    }));
    const unlearned = windows.find(({ best }) => !hasLearned(accuracy(best), best));
    if (unlearned) {
      return {
        status: 'not measured',
        evidence: `${unlearned.model} has at most ${formatEstimate(unlearned.best.measured!.mean)} at this budget`,
      };
    }
    const [narrow, wide] = windows.map(({ factor }) => factor) as [number, number];
    return {
      status: narrow < wide ? 'holding' : 'not holding',
      evidence: windows.map(describe).join('; '),
    };
  });
  return { ...judged, evaluate: (points) => judged.evaluate(points.map(withDiverged)) };
}

const accuracy = ({ measured }: FigurePoint) => measured!.mean.value;

function windowOf(points: readonly MeasuredPoint[]): Window {
  const best = points.reduce((a, b) => (accuracy(b) > accuracy(a) ? b : a));
  const good = points.filter((point) => accuracy(point) >= accuracy(best) - NEAR).map(({ x }) => x);
  const [low, high] = [min(good), max(good)];
  const rates = points.map(({ x }) => x);
  return { low, high, factor: high / low, best, open: low === min(rates) || high === max(rates) };
}

/** `Mamba, 2 layers: 0.003 to 0.01, a factor of 3.3 (best 91.0 % [88.2, 93.1] at 0.01)`. */
function describe({ model, low, high, factor, best, open }: Window & { readonly model: string }): string {
  const span =
    low === high ? `${low} alone, a factor of 1` : `${low} to ${high}, a factor of ${Number(factor.toPrecision(2))}`;
  return `${model}: ${span}${open ? ' or more' : ''} (best ${formatEstimate(best.measured!.mean)} at ${best.x})`;
}

/** A rate at which all runs diverged has nothing right. */
function withDiverged(point: FigurePoint): FigurePoint {
  if (!point.diverged) return point;
  const measured = { best: 0, mean: { value: 0, low: null, high: null } } as Partial<Measured> as Measured;
  return { ...point, measured };
}
