/** Line charts, drawn by hand: a few series over steps or lengths, told apart by colour, dash and mark at once. */
import { seriesStyle } from '@mixerzoo/bench/series-style';

export interface Series {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface ChartProps {
  /** What it shows, for those who do not see it. */
  readonly title: string;
  readonly series: readonly Series[];
  readonly x: Axis;
  readonly y: Axis;
  /** A line across: what guessing scores. */
  readonly rule?: { readonly y: number; readonly label: string } | undefined;
  /** Marks at the points themselves, where there are few. */
  readonly marks?: boolean;
}

export interface Axis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
  readonly log?: boolean;
}

const [WIDTH, HEIGHT] = [440, 230];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 14, 14, 46];

export function Chart({ title, series, x, y, rule, marks = false }: ChartProps) {
  const px = scale(x, LEFT, WIDTH - RIGHT);
  const py = scale(y, HEIGHT - BOTTOM, TOP);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title}. ${spoken(series, y)}`}>
        {y.ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={py(tick)} y2={py(tick)} />
            <text class="tick" x={LEFT - 7} y={py(tick) + 4} text-anchor="end">
              {y.format(tick)}
            </text>
          </g>
        ))}
        {x.ticks.map((tick) => (
          <text
            class="tick"
            key={tick}
            x={px(tick)}
            y={HEIGHT - BOTTOM + 18}
            text-anchor={tick === x.to ? 'end' : 'middle'}
          >
            {x.format(tick)}
          </text>
        ))}
        <line class="axis" x1={LEFT} x2={WIDTH - RIGHT} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} />
        <text class="tick" x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 5} text-anchor="middle">
          {x.label}
        </text>
        {rule && <line class="rule" x1={LEFT} x2={WIDTH - RIGHT} y1={py(rule.y)} y2={py(rule.y)} />}
        {series.map(({ label, points }, index) => (
          <g key={label} class={`series s${index}`}>
            <polyline
              points={points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(' ')}
              stroke-dasharray={seriesStyle(index).dash.join(' ')}
            />
            {(marks ? points : points.slice(-1)).map(([a, b]) => (
              <path
                key={a}
                d={seriesStyle(index).mark}
                transform={`translate(${px(a).toFixed(1)} ${py(b).toFixed(1)}) scale(4.5)`}
              />
            ))}
          </g>
        ))}
      </svg>
      {rule && (
        <p class="muted">
          <svg class="swatch" viewBox="0 0 34 16" aria-hidden="true">
            <line class="rule" x1="1" x2="33" y1="8" y2="8" />
          </svg>{' '}
          {rule.label}
        </p>
      )}
    </figure>
  );
}

/** The line and the mark of a series, beside its name. */
export function Swatch({ index }: { readonly index: number }) {
  const { dash, mark } = seriesStyle(index);
  return (
    <svg class={`swatch series s${index}`} viewBox="0 0 34 16" aria-hidden="true">
      <line x1="1" x2="33" y1="8" y2="8" stroke-dasharray={dash.join(' ')} />
      <path d={mark} transform="translate(17 8) scale(4.5)" />
    </svg>
  );
}

function scale({ from, to, log = false }: Axis, low: number, high: number) {
  const at = log ? Math.log2 : (value: number) => value;
  const [a, b] = [at(from), at(to)];
  return (value: number) => low + ((at(Math.min(to, Math.max(from, value))) - a) / (b - a || 1)) * (high - low);
}

function spoken(series: readonly Series[], { format }: Axis): string {
  return series
    .map(
      ({ label, points }) => `${label}: ${points.length === 0 ? 'nothing yet' : `last ${format(points.at(-1)![1])}`}`,
    )
    .join('; ');
}
