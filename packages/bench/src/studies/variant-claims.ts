/** What is claimed of mixers in variants: of every mixer that a row shows in both of two variants. */
import type { Claim, FigurePoint, Verdict } from '../figures/figure.js';
import { cellOf } from '../figures/points.js';
import { formatPercent, listWords } from '../report/format.js';

/** Two variants of a row, whose accuracies are held against each other. */
interface Pair {
  /** Title of a row. */
  readonly row: string;
  readonly from: string;
  readonly to: string;
  /** Mixers left out. */
  readonly but?: readonly string[];
}

/** Every mixer answers more in `to` than in `from`, by so many points of a hundred. */
export function gainsEverywhere(least: number, pair: Pair, source: string, text: string): Claim {
  return ofGains(pair, source, text, (gain) => gain >= least);
}

/** No mixer answers much more in one of the variants than in the other: at most so many points of a hundred. */
export function levelEverywhere(most: number, pair: Pair, source: string, text: string): Claim {
  return ofGains(pair, source, text, (gain) => Math.abs(gain) <= most);
}

function ofGains(pair: Pair, source: string, text: string, holds: (gain: number) => boolean): Claim {
  return {
    text,
    source,
    evaluate(points): Verdict {
      const lines = comparable(points, pair);
      const gains = lines.flatMap(({ line, from, to }) =>
        from.measured && to.measured
          ? [
              {
                line,
                from: from.measured.best,
                to: to.measured.best,
                gain: inPoints(to.measured.best - from.measured.best),
              },
            ]
          : [],
      );
      const against = gains.filter(({ gain }) => !holds(gain));
      const said = (against.length > 0 ? against : gains).map(
        ({ line, from, to }) => `${line} ${formatPercent(from)} to ${formatPercent(to)}`,
      );
      const missing = lines.length - gains.length;
      const evidence = [
        ...(said.length > 0
          ? [`${against.length > 0 ? `not ${against.length} of ${gains.length}: ` : ''}${listWords(said)}`]
          : []),
        ...(missing > 0 || lines.length === 0 ? [`${missing} of ${lines.length} mixers are not measured`] : []),
      ].join('; ');
      if (against.length > 0) return { status: 'not holding', evidence };
      return { status: missing > 0 || lines.length === 0 ? 'not measured' : 'holding', evidence };
    },
  };
}

/** Of a hundred, without what binary fractions add. */
const inPoints = (difference: number) => Number((100 * difference).toFixed(6));

/** Mixers of the row that are planned in both variants, a width each. */
function comparable(points: readonly FigurePoint[], { row, from, to, but = [] }: Pair) {
  const cells = points.filter((point) => point.row === row).map((point) => ({ point, ...cellOf(point.model) }));
  return cells.flatMap(({ point, line, variant }) => {
    if (variant !== from || but.includes(line)) return [];
    const other = cells.find((cell) => cell.line === line && cell.variant === to && cell.point.column === point.column);
    return other ? [{ line, from: point, to: other.point }] : [];
  });
}
