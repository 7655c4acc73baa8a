/** The heads of a mixer that attends: how many, how wide, and how many of them share their keys and values. */
import { InvalidConfigError } from '@mixerzoo/core';
import { headDimOf } from '@mixerzoo/core/blocks';
import * as z from 'zod';

/** Options to spread into a mixer's schema. */
export const headOptions = {
  nHeads: z.int().positive().default(1).describe('attention heads'),
  nKvHeads: z
    .int()
    .positive()
    .optional()
    .describe('heads of keys and values, each shared by as many heads in a row; must divide nHeads; default nHeads'),
  headDim: z.int().positive().optional().describe('columns p of a head; default dModel / nHeads'),
};

/** Heads and the widths that follow. */
export interface HeadLayout {
  readonly nHeads: number;
  readonly nKvHeads: number;
  readonly headDim: number;
  /** Columns H p of the queries, and of what all heads give. */
  readonly queryWidth: number;
  /** Columns of keys and values. */
  readonly kvWidth: number;
}

/** @throws InvalidConfigError for heads that do not divide what they should. */
export function createHeads(config: {
  readonly dModel: number;
  readonly nHeads: number;
  readonly nKvHeads?: number | undefined;
  readonly headDim?: number | undefined;
}): HeadLayout {
  const { dModel, nHeads, nKvHeads = nHeads } = config;
  const headDim = config.headDim ?? headDimOf(dModel, nHeads);
  if (nHeads % nKvHeads !== 0) {
    throw new InvalidConfigError(
      `nKvHeads: expected a divisor of nHeads ${nHeads}, got ${nKvHeads}. Change one of them.`,
    );
  }
  return { nHeads, nKvHeads, headDim, queryWidth: nHeads * headDim, kvWidth: nKvHeads * headDim };
}
