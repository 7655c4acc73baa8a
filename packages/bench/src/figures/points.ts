/**
 * What a figure shows, as data: every point that its definition plans, measured or not.
 *
 * The accuracy of a point is that of the best run, as the paper reports it, but chosen on validation examples and not on the test
 * examples themselves; beside it the mean over seeds at the chosen learning rate with its 95 % interval. The perplexity of a point is
 * that of the mean loss. So claims have them, and so they are drawn.
 */
import type { Entry } from '../report/entries.js';
import { measureOutcome, type Outcome } from '../report/outcome.js';
import { perplexity } from '../report/score.js';
import { hasDiverged, isDone, type RunRecord } from '../runs/results.js';
import type { RunConfig } from '../runs/run-config.js';
import { experimentName, type FigurePoint, type FigureRow, type Measured, type TrainedFigure } from './figure.js';

/** True for a run that a row of a figure shows. */
export function belongsTo(row: FigureRow, config: RunConfig, scale: string): boolean {
  return (
    config.experiment === experimentName(row.experiment, scale) &&
    row.models.includes(config.label) &&
    (row.dims === undefined || row.dims.includes(config.model.dModel))
  );
}

/** The points of a figure in order of rows, columns, models (as the row lists them) and x. */
export function figurePoints(figure: TrainedFigure, scale: string, entries: readonly Entry[]): FigurePoint[] {
  return figure.rows.flatMap((row) =>
    entries
      .filter((entry) => belongsTo(row, entry.runs[0]!.config, scale))
      .flatMap((entry) => entryPoints(figure, row, entry))
      .sort((a, b) => a.column - b.column || row.models.indexOf(a.model) - row.models.indexOf(b.model) || a.x - b.x),
  );
}

/** What is drawn of a point, and what claims speak of: of a learning rate the mean, for its best seed says little of it. */
export const drawnOf = ({ x, y }: TrainedFigure, { best, mean }: Measured) =>
  y === 'perplexity' || x === 'learningRate' ? mean.value : best;

/** Where a model of a figure along variants stands: labels are `<line>: <variant>`. */
export function cellOf(label: string): { readonly line: string; readonly variant: string } {
  const at = label.indexOf(': ');
  return { line: label.slice(0, at), variant: label.slice(at + 2) };
}

/** Its lines go through the widths, and a panel is a test length. */
export const alongWidths = ({ x }: TrainedFigure) => x === 'stateSize' || x === 'width';

function position({ x }: TrainedFigure, testLength: number, config: RunConfig, measured: Measured | undefined): number {
  if (x === 'setting') return Number.NaN;
  if (x === 'width') return config.model.dModel;
  if (x === 'learningRate') return config.learningRate;
  return x === 'stateSize' ? (measured?.stateSize ?? Number.NaN) : testLength;
}

function entryPoints(figure: TrainedFigure, row: FigureRow, entry: Entry): FigurePoint[] {
  if (figure.x !== 'learningRate') return pointsOf(figure, row, entry);
  const rates = [...new Set(entry.runs.map(({ config }) => config.learningRate))];
  return rates.flatMap((rate) => {
    const runs = entry.runs.filter(({ config }) => config.learningRate === rate);
    return pointsOf(figure, row, { ...entry, runs, outcome: measureOutcome(runs, entry.trainLength, undefined) });
  });
}

/** Its points are of tests at the training length alone. */
const atTrainLength = ({ x }: TrainedFigure) => x !== 'testLength' && x !== 'stateSize';

function pointsOf(
  figure: TrainedFigure,
  row: FigureRow,
  { outcome, trainLength, runs, setting }: Pick<Entry, 'outcome' | 'trainLength' | 'runs' | 'setting'>,
): FigurePoint[] {
  const { config } = runs[0]!;
  const lengths = atTrainLength(figure) ? [trainLength] : config.testLengths;
  return lengths.map((testLength) => {
    const at = outcome?.lengths.find(({ seqLen }) => seqLen === testLength);
    const best = outcome?.bestRun.result.test.find(({ seqLen }) => seqLen === testLength);
    const measured =
      outcome && at && best
        ? {
            best: figure.y === 'perplexity' ? Math.exp(best.loss) : best.accuracy,
            mean: figure.y === 'perplexity' ? perplexity(at.lossEstimate) : at.accuracy,
            freeRunning: at.freeRunning?.accuracy.value ?? Number.NaN,
            ...(hasLearned(outcome) ? {} : { learned: false as const }),
            tests: outcome.selected.flatMap(({ result }) => result.test.filter(({ seqLen }) => seqLen === testLength)),
            runs: outcome.selected.length,
            learningRate: outcome.learningRate,
            steps: outcome.steps,
            stateSize: at.stateSize,
            stepMs: outcome.stepMs,
            prefillMs: outcome.prefillMs,
            tokenMs: outcome.tokenMs,
            peakMemoryBytes: outcome.peakMemoryBytes,
          }
        : undefined;
    return {
      row: row.title,
      column: alongWidths(figure) ? testLength : config.model.dModel,
      model: config.label,
      x: position(figure, testLength, config, measured),
      dModel: config.model.dModel,
      trainLength,
      testLength,
      ...(figure.x === 'setting' && { setting }),
      measured,
      guess: guessOf(config),
      ...(allDiverged(runs) && { diverged: true as const }),
    };
  });
}

function guessOf({ task: { config } }: RunConfig): number {
  const { numKvPairs } = config;
  return typeof numKvPairs === 'number' ? 1 / numKvPairs : 0;
}

/** Better than all simple models of the text but the best: than a bigram, where there is a 5-gram. */
const hasLearned = ({ loss, baselines: [, bar] }: Outcome) => bar === undefined || loss.value < bar.loss;

/** True where no run has a result, and one failed since its losses were no numbers any more. */
export const allDiverged = (runs: readonly RunRecord[]) => !runs.some(isDone) && runs.some(hasDiverged);
