/** Times of something done again and again. */
import { quantile } from 'simple-statistics';

/** In the unit of the times. */
export interface Spread {
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

/** @param times of which there is one at least. */
export function spreadOf(times: readonly number[]): Spread {
  const [lowerQuartile, median, upperQuartile] = quantile([...times], [0.25, 0.5, 0.75]) as [number, number, number];
  return { median, lowerQuartile, upperQuartile };
}
