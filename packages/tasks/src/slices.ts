/** What the answers of a task are told apart by, and the bins that results count them in. */
import { type Examples, IGNORED_LABEL, type Slice, type SliceBin } from '@mixerzoo/core/task';

/** A slice by a value of each answer, as read off an example. */
export interface SliceBy<Answer> extends Pick<Slice, 'name' | 'bins'> {
  of(answer: Answer): number;
}

/**
 * The slices of examples.
 * @param read the answers of an example in the order of their positions, one for each label, from its inputs [seqLen] alone.
 */
export function sliceAnswers<Answer>(
  { count, seqLen, inputs, labels }: Examples,
  by: readonly SliceBy<Answer>[],
  read: (inputs: Int32Array) => readonly Answer[],
): Slice[] {
  const total = labels.reduce((sum, label) => sum + Number(label !== IGNORED_LABEL), 0);
  const slices = by.map(({ name, bins }) => ({ name, bins, values: new Int32Array(total) }));
  let next = 0;
  for (let example = 0; example < count; example++) {
    for (const answer of read(inputs.subarray(example * seqLen, (example + 1) * seqLen))) {
      for (const [index, { of }] of by.entries()) slices[index]!.values[next] = of(answer);
      next++;
    }
  }
  return slices;
}

/** 1, 2 - 3, 4 - 7, ... until `largest` is in. */
export function doublingBins(largest: number): SliceBin[] {
  const count = Math.floor(Math.log2(largest)) + 1;
  return Array.from({ length: count }, (_, power) => ({ from: 2 ** power, to: 2 ** (power + 1) - 1 }));
}

/** 1, 2, 3 - 4, 5 - 8, ... until `largest` is in: a bin ends where lengths do, so none holds both what was trained on and what was not. */
export function lengthBins(largest: number): SliceBin[] {
  const count = Math.ceil(Math.log2(largest)) + 1;
  return Array.from({ length: count }, (_, power) => ({ from: Math.floor(2 ** (power - 1)) + 1, to: 2 ** power }));
}

/** Eighths of the positions [0, seqLen), or each one where there are fewer than eight. */
export function positionBins(seqLen: number): SliceBin[] {
  const parts = Math.min(8, seqLen);
  const start = (part: number) => Math.floor((part * seqLen) / parts);
  return Array.from({ length: parts }, (_, part) => ({ from: start(part), to: start(part + 1) - 1 }));
}

/** A bin for each whole number. */
export function singleBins(from: number, to: number): SliceBin[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ from: from + index, to: from + index }));
}
