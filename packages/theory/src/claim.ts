/**
 * The contract of a claim: a statement of the paper (Li, Zhang, Huang, Oymak 2024, arXiv 2407.05591) as an experiment that runs.
 * It builds what the statement is about, measures it, and holds each quantity to its bound.
 */
import { parseConfig } from '@mixerzoo/core/harness';
import type { z } from 'zod';

/** One quantity of a claim beside its bound. */
export interface Check {
  /** `attention map, L1 error, value delay, N = 3`. */
  readonly what: string;
  readonly measured: number;
  readonly relation: 'at most' | 'at least';
  readonly bound: number;
  /**
   * `holds`: a part of the claim. `fails`: a counter-check, such as a tenth of the temperature; it must not hold, or the
   * condition of the claim says nothing.
   */
  readonly expected: 'holds' | 'fails';
}

/** A check, judged. */
export interface JudgedCheck extends Check {
  readonly holds: boolean;
  /** What is left to the bound, as a share of it (of 1 where the bound is 0); negative where the check does not hold. */
  readonly margin: number;
  readonly asExpected: boolean;
}

/** One axis of a plot. */
export interface Axis {
  readonly label: string;
  readonly log?: boolean;
}

/** A point of a series; `low` and `high` are the ends of its interval, or of a band. */
export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** What is drawn together: a line, measured points, or a band between `low` and `high`. */
export interface PlotSeries {
  readonly label: string;
  readonly kind: 'line' | 'points' | 'band';
  readonly points: readonly PlotPoint[];
}

/** A picture of what was measured beside its bound. */
export interface Plot {
  readonly title: string;
  readonly caption: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly PlotSeries[];
}

/** What one run of a claim found. */
export interface Findings {
  /** What was built, in a sentence with its sizes. */
  readonly built: string;
  readonly checks: readonly Check[];
  readonly plots: readonly Plot[];
}

/** A slip of the paper: the statement as printed, and as it has to be. */
export interface Slip {
  readonly printed: string;
  readonly corrected: string;
}

/** What a claim runs with: a seed, from which all that is random derives, and its sizes. */
export interface ClaimContext<Sizes> {
  readonly seed: number;
  readonly sizes: Sizes;
}

/** A statement of the paper, and the experiment that holds it to account. */
export interface Claim<S extends z.ZodType = z.ZodType> {
  /** `theorem-1`. */
  readonly id: string;
  /** `Theorem 1: CAT solves N-gram associative recall`. */
  readonly title: string;
  /** What the paper says, in two sentences, with its section or equation. */
  readonly statement: string;
  /** Where the printed statement slips. */
  readonly slips?: readonly Slip[];
  /** Its sizes, all with defaults: a strict object. */
  readonly sizes: S;
  /** @throws InvalidConfigError for sizes that do not fit together. */
  run(context: ClaimContext<z.output<S>>): Promise<Findings> | Findings;
}

/** A claim that was run. Equal for equal seeds and sizes. */
export interface ClaimResult extends Pick<Claim, 'id' | 'title' | 'statement' | 'slips'>, Omit<Findings, 'checks'> {
  readonly seed: number;
  readonly sizes: Readonly<Record<string, unknown>>;
  readonly checks: readonly JudgedCheck[];
  /** True if there are checks, and each came out as expected. */
  readonly holds: boolean;
}

/** A claim as it is, its sizes typed. @example export const theorem1 = defineClaim({ id: 'theorem-1', … }); */
export function defineClaim<S extends z.ZodType>(claim: Claim<S>): Claim<S> {
  return claim;
}

/**
 * Runs a claim and judges its checks. Claims that are about mixers run on the wasm engine, and start it: they read outputs as they
 * come, which a GPU does not allow, and give the same digits whatever else is installed.
 * @param sizes - those that differ from the defaults.
 * @throws InvalidConfigError for sizes that the claim does not have; EngineError if another engine is in use.
 */
export async function runClaim<S extends z.ZodType>(
  claim: Claim<S>,
  { seed, sizes = {} }: { readonly seed: number; readonly sizes?: Readonly<Record<string, unknown>> },
): Promise<ClaimResult> {
  const { id, title, statement, slips } = claim;
  const parsed = parseConfig(claim.sizes, sizes, id);
  const { built, checks, plots } = await claim.run({ seed, sizes: parsed });
  const judged = checks.map(judge);
  return {
    id,
    title,
    statement,
    ...(slips === undefined ? {} : { slips }),
    seed,
    sizes: parsed as Readonly<Record<string, unknown>>,
    built,
    checks: judged,
    plots,
    holds: judged.length > 0 && judged.every(({ asExpected }) => asExpected),
  };
}

/** Whether a check holds, and by how much. What is not a number is as nobody expects. */
export function judge(check: Check): JudgedCheck {
  const { measured, relation, bound, expected } = check;
  const left = relation === 'at most' ? bound - measured : measured - bound;
  const holds = left >= 0;
  const asExpected = !Number.isNaN(left) && holds === (expected === 'holds');
  return { ...check, holds, margin: left / (Math.abs(bound) || 1), asExpected };
}
