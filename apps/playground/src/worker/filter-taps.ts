/** The short filters among a model's parameters, as they are at the moment. */
import { flattenTree, type LanguageModelParams } from '@mixerzoo/core';
import type { FilterTaps } from '../messages.js';

/** Filters of one name that are shown one by one; of more, the mean of their taps. */
const MOST_ROWS = 4;

/** Filters [rows, W] by delay: those per head, per channel, and depthwise ones before a mixer. */
export async function filterTaps(params: LanguageModelParams): Promise<FilterTaps[]> {
  const found: FilterTaps[] = [];
  for (const [path, leaf] of flattenTree(params)) {
    const [rows, width] = leaf.shape;
    if (leaf.rank !== 2 || !/(^|\.)(\w*[fF]ilter|conv\w*)$/.test(path) || rows === undefined || width === undefined)
      continue;
    if (width > 16) continue;
    const values = (await leaf.data()) as Float32Array;
    const row = (index: number) => [...values.subarray(index * width, (index + 1) * width)];
    const taps =
      rows <= MOST_ROWS
        ? Array.from({ length: rows }, (_, index) => row(index))
        : [
            Array.from({ length: width }, (_, tap) =>
              mean(Array.from({ length: rows }, (_, index) => values[index * width + tap]!)),
            ),
          ];
    found.push({ path, taps, channels: rows });
  }
  return found;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
