/** Right answers by what the task tells them apart by. */
import { type EvaluationResult, InvalidConfigError, type Slice } from '@mixerzoo/core';
import { MOST_SLICE_BINS } from '@mixerzoo/core/task';
import { countAnswers } from './answers.js';
import type { SliceAnswers } from './results.js';

type Answered = Pick<EvaluationResult, 'perLabelCorrect' | 'perExampleTotal' | 'perExampleCopies'>;

/**
 * Counts the answers in each bin of each slice.
 * @throws InvalidConfigError where the slices of a task are not what their contract says.
 */
export function countSlices(slices: readonly Slice[], answered: Answered): SliceAnswers[] {
  return slices.map((slice) => {
    assertSlice(slice, answered.perLabelCorrect.length);
    const bins = slice.bins.flatMap(({ from, to }) => {
      const { correct, total } = countWithin(slice.values, from, to, answered);
      const answers = countAnswers(correct, total, answered.perExampleCopies);
      return answers.total === 0 ? [] : [{ from, to, ...answers }];
    });
    return { name: slice.name, bins };
  });
}

/** Right answers, and all of them, of each example, among those with a value in a range. */
function countWithin(values: Int32Array, from: number, to: number, { perLabelCorrect, perExampleTotal }: Answered) {
  const correct = new Int32Array(perExampleTotal.length);
  const total = new Int32Array(perExampleTotal.length);
  let label = 0;
  for (const [example, labels] of perExampleTotal.entries()) {
    for (const end = label + labels; label < end; label++) {
      if (values[label]! < from || values[label]! > to) continue;
      correct[example]! += perLabelCorrect[label]!;
      total[example]!++;
    }
  }
  return { correct, total };
}

function assertSlice({ name, bins, values }: Slice, labels: number): void {
  const where = `slice '${name}'`;
  const outside = values.find((value) => !bins.some(({ from, to }) => from <= value && value <= to));
  const fault =
    bins.length > MOST_SLICE_BINS
      ? `at most ${MOST_SLICE_BINS} bins, got ${bins.length}`
      : values.length !== labels
        ? `a value for each of ${labels} labelled positions, got ${values.length}`
        : outside !== undefined
          ? `a bin for every value, got ${outside} outside of all`
          : undefined;
  if (fault) throw new InvalidConfigError(`${where}: expected ${fault}. Mend \`slices\` of the task.`);
}
