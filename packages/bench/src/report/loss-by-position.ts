/** Loss by position within the longest windows of the test: whether a model makes use of what is far back, also past its training length. */
import { mean } from 'simple-statistics';
import type { Entry } from './entries.js';

/** Bins of positions at most: single positions are noise. */
const MOST_BINS = 32;

/** The mean loss of the positions from `start` up to, and without, `end`. */
export interface PositionBin {
  readonly start: number;
  readonly end: number;
  /** Nats per token, mean over the seeds. */
  readonly loss: number;
}

/** An entry's losses by position at its longest test length, in at most 32 bins; none where they were not recorded. */
export function lossByPosition({ outcome }: Entry): readonly PositionBin[] {
  const longest = Math.max(...(outcome?.lengths ?? []).map(({ seqLen }) => seqLen));
  const curves = (outcome?.selected ?? []).flatMap(({ result }) => {
    const stretches = result.test.find(({ seqLen }) => seqLen === longest)?.likelihood?.byPosition;
    return stretches ? [binned(stretches)] : [];
  });
  const [first = []] = curves;
  return first.map((bin, index) => ({ ...bin, loss: mean(curves.map((curve) => curve[index]!.loss)) }));
}

/** Neighbouring stretches together, each counting by its positions. */
function binned(stretches: readonly { readonly end: number; readonly loss: number }[]): PositionBin[] {
  const group = Math.ceil(stretches.length / MOST_BINS);
  const parts = stretches.map((stretch, index) => ({ ...stretch, start: stretches[index - 1]?.end ?? 0 }));
  return Array.from({ length: Math.ceil(parts.length / group) }, (_, index) => {
    const some = parts.slice(index * group, (index + 1) * group);
    const [start, end] = [some[0]!.start, some.at(-1)!.end];
    const nats = some.reduce((sum, part) => sum + (part.end - part.start) * part.loss, 0);
    return { start, end, loss: nats / (end - start) };
  });
}
