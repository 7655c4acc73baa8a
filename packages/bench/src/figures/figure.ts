/**
 * What a figure is made of. A trained one: experiments, rows of panels, points, and claims about them. A computed one: plots, and
 * claims about these. One that asks a question of its own in place of repeating one of the paper's is a study; it is no other
 * thing.
 */
import { parseConfig } from '@mixerzoo/core/harness';
import type { Plot } from '@mixerzoo/theory';
import { z } from 'zod';
import { assertData } from '../experiment/config-text.js';
import type { ExperimentConfig } from '../experiment/experiment.js';
import type { Estimate } from '../report/statistics.js';
import type { Evaluation } from '../runs/results.js';
import type { PaperTable } from './paper-table.js';
import type { Scale } from './scales.js';
import type { ScoreTable } from './score-table.js';

/** An experiment behind figures. Those that show one share its runs, which are made once. */
export interface FigureExperiment {
  /** Names the directory of the runs, with the scale: `mqar-by-length-quick`. */
  readonly id: string;
  /** The experiment at a scale, data alone: mixers and tasks by name, with their package. */
  at(scale: Scale): Omit<ExperimentConfig, 'name' | 'extends'>;
}

/** Its name, which is its directory's, tells experiment and scale. */
export const experimentName = ({ id }: FigureExperiment, scale: string) => `${id}-${scale}`;

/** An experiment at a scale. @throws InvalidConfigError if it is not data alone. */
export function experimentAt(experiment: FigureExperiment, scale: Scale): ExperimentConfig & { readonly name: string } {
  const name = experimentName(experiment, scale);
  const config = { ...experiment.at(scale), name };
  assertData(config, `experiment ${name}`);
  return config;
}

/** A row of panels. */
export interface FigureRow {
  readonly title: string;
  readonly experiment: FigureExperiment;
  /** Labels of the experiment's models, in the order of the legend. */
  readonly models: readonly string[];
  /** Widths shown; left out: all. */
  readonly dims?: readonly number[];
}

/** What models of a figure are judged by. */
export type FigureMeasure = 'accuracy' | 'perplexity';

interface FigureWords {
  /** By which the command knows it; names its directory and files. */
  readonly id: string;
  readonly title: string;
  /** Number in the paper, if it is there, and what it shows. */
  readonly caption: string;
  /** Of a study: what it asks, which no paper's figure answers. `mixerzoo study` makes those that ask. */
  readonly question?: string | undefined;
}

/** A figure that runs make: models are trained, and what they answer is drawn. */
export interface TrainedFigure extends FigureWords {
  /**
   * What runs along the axis. A panel is a width d; for `stateSize` and `width` a test length, its lines going through the
   * widths. For `learningRate` each point is of the runs at one rate, not of the rate that is the model's. For `variant` a panel is a
   * matrix of models and variants at the training length: labels are `<model>: <variant>`. `setting`: a score over settings of tasks, which
   * a table shows and nothing draws.
   */
  readonly x: 'trainLength' | 'testLength' | 'stateSize' | 'width' | 'learningRate' | 'variant' | 'setting';
  /** What is drawn of the test: its accuracy (default), or its perplexity, exp of the mean loss, along a logarithmic axis. */
  readonly y?: FigureMeasure | undefined;
  readonly rows: readonly FigureRow[];
  /**
   * A table made beside the figure (`mixerzoo table`): one of the paper, whose rows are the models of the first row, or of scores, whose
   * columns are the rows.
   */
  readonly table?: PaperTable | ScoreTable | undefined;
  /** The accuracy that a theory predicts for a model: drawn dashed beside what was measured, along widths. */
  predicted?(at: Pick<FigurePoint, 'model' | 'dModel' | 'testLength'>): number;
  readonly claims: readonly Claim[];
}

/** A figure that is computed, with nothing trained: the same at every call. */
export interface ComputedFigure extends FigureWords {
  compute(scale: Scale): readonly Plot[] | Promise<readonly Plot[]>;
  readonly claims: readonly Claim<Plot>[];
}

/** A figure: of the paper, or a study. */
export type Figure = TrainedFigure | ComputedFigure;

/** True for a figure with a question of its own. */
export const isStudy = ({ question }: Figure): boolean => question !== undefined;

/** True for a figure with nothing to train. */
export const isComputed = (figure: Figure): figure is ComputedFigure => 'compute' in figure;

/** True for a figure of whose runs a table is made. */
export const hasTable = (figure: Figure): boolean => !isComputed(figure) && figure.table !== undefined;

/** A point of a figure: where it stands, and what was measured there. */
export interface FigurePoint {
  readonly row: string;
  /** Of the column: a width d, or for `stateSize` and `width` a test length. */
  readonly column: number;
  readonly model: string;
  /** Position on the axis; NaN for a state size that is not known yet. */
  readonly x: number;
  readonly dModel: number;
  readonly trainLength: number;
  readonly testLength: number;
  /** What tells its settings from the others', in words, where `x` is `setting`. */
  readonly setting?: string;
  readonly measured: Measured | undefined;
  /** Accuracy at the training length of a guess among the values of an example's own pairs, 1 / k; 0 where it has none. */
  readonly guess: number;
  /** True where no run has a result, since the losses of one were no numbers any more. */
  readonly diverged?: true | undefined;
}

export interface Measured {
  /** What the figure's `y` says, of the test, in the best run by validation: what is drawn of accuracies. */
  readonly best: number;
  /** Mean over the seeds at the learning rate chosen on validation; of perplexities, exp of the mean loss, which is drawn. */
  readonly mean: Estimate;
  /** Accuracy when the models go on from their own answers; NaN where that was not tested. */
  readonly freeRunning: number;
  /** False where its loss at the training length is not below that of all simple models of the same text but the best. */
  readonly learned?: false | undefined;
  /** The tests behind the mean, one of each seed. */
  readonly tests: readonly Evaluation[];
  readonly runs: number;
  readonly learningRate: number;
  readonly steps: number;
  readonly stateSize: number;
  readonly stepMs: number;
  readonly prefillMs: number;
  readonly tokenMs: number;
  readonly peakMemoryBytes: number;
}

/** A statement about the points of a trained figure, or the plots of a computed one. */
export interface Claim<Data = FigurePoint> {
  readonly text: string;
  /** Who says so, and where: `Section 6.1`, of the paper. */
  readonly source: string;
  evaluate(data: readonly Data[]): Verdict;
}

export interface Verdict {
  /** `not shown`: measured, and the interval leaves it open. */
  readonly status: 'holding' | 'not holding' | 'not shown' | 'not measured';
  /** The numbers that decide. */
  readonly evidence: string;
}

/** A claim with its verdict. */
export interface JudgedClaim extends Verdict {
  readonly claim: string;
  readonly source: string;
}

/**
 * Types a figure; returns it as it is. The list `figures` of a plugin takes it.
 * @example export const figure = defineFigure({ id: 'gain', title: '…', caption: '…', x: 'testLength', rows: [ … ], claims: [ … ] });
 */
export function defineFigure<F extends ComputedFigure>(figure: F): F;
export function defineFigure<F extends TrainedFigure>(figure: F): F;
export function defineFigure(figure: Figure): Figure {
  return figure;
}

const custom = (what: string) => z.custom((value) => typeof value === 'function', `expected ${what}`);
const words = {
  id: z.string(),
  title: z.string(),
  caption: z.string(),
  question: z.string().optional(),
  claims: z.array(z.looseObject({ text: z.string(), source: z.string(), evaluate: custom('a function') })),
};
const trainedSchema = z.strictObject({
  ...words,
  x: z.enum(['trainLength', 'testLength', 'stateSize', 'width', 'learningRate', 'variant', 'setting']),
  y: z.enum(['accuracy', 'perplexity']).optional(),
  rows: z
    .array(
      z.strictObject({
        title: z.string(),
        experiment: z.looseObject({ id: z.string(), at: custom('a function of the scale') }),
        models: z.array(z.string()).min(1),
        dims: z.array(z.number()).optional(),
      }),
    )
    .min(1),
  table: z
    .union([
      z.strictObject({
        title: z.string(),
        paper: z.record(z.string(), z.union([z.string(), z.record(z.string(), z.number())])),
      }),
      z.strictObject({ title: z.string(), score: z.string() }),
    ])
    .optional(),
  predicted: custom('a function of model, width and length').optional(),
});
const computedSchema = z.strictObject({ ...words, compute: custom('a function of the scale') });

/** @throws InvalidConfigError listing what is wrong with a plugin's figure. */
export function assertFigure(figure: Figure, where: string): void {
  parseConfig(isComputed(figure) ? computedSchema : trainedSchema, figure, where);
}
