/** What a figure of the paper is made of: rows of panels, points, and claims about them. Types only. */
import type { Estimate } from '../report/statistics.js';
import type { ExperimentId } from './experiments.js';

/** A row of panels. */
export interface FigureRow {
  readonly title: string;
  readonly experiment: ExperimentId;
  /** Labels of the experiment's models, in the order of the legend. */
  readonly models: readonly string[];
  /** Widths shown; left out: all. */
  readonly dims?: readonly number[];
}

/** A figure of the paper. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** In the paper: number and what it shows. */
  readonly caption: string;
  /** What runs along the axis. A panel is a width d; for `stateSize` a test length, its lines going through the widths. */
  readonly x: 'trainLength' | 'testLength' | 'stateSize';
  readonly rows: readonly FigureRow[];
  readonly claims: readonly Claim[];
}

/** A point of a figure: where it stands, and what was measured there. */
export interface FigureCell {
  readonly row: string;
  /** Of the column: a width d, or for `stateSize` a test length. */
  readonly column: number;
  readonly model: string;
  /** Position on the axis; NaN for a state size that is not known yet. */
  readonly x: number;
  readonly dModel: number;
  readonly trainLength: number;
  readonly testLength: number;
  readonly measured: Measured | undefined;
}

export interface Measured {
  /** Test accuracy of the best run by validation. */
  readonly best: number;
  /** Mean over the seeds at the learning rate chosen on validation. */
  readonly mean: Estimate;
  /** The same when the models go on from their own answers; NaN where that was not tested. */
  readonly freeRunning: number;
  readonly runs: number;
  readonly learningRate: number;
  readonly steps: number;
  readonly stateSize: number;
  readonly stepMs: number;
  readonly prefillMs: number;
  readonly tokenMs: number;
  readonly peakMemoryBytes: number;
}

/** A statement about the cells of a figure. */
export interface Claim {
  readonly text: string;
  /** Where the paper says so. */
  readonly source: string;
  evaluate(cells: readonly FigureCell[]): Verdict;
}

export interface Verdict {
  readonly status: 'holding' | 'not holding' | 'not measured';
  /** The numbers that decide. */
  readonly evidence: string;
}

/** A claim with its verdict. */
export interface JudgedClaim extends Verdict {
  readonly claim: string;
  readonly source: string;
}
