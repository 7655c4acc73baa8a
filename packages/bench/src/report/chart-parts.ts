/** What charts of a report are made of: size, ink, axes, marks, and their rendering to SVG. */
import { Error as ErrorLevel, logger, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { SeriesStyle } from './series-style.js';

/** The size of a chart in pixels, axes included. */
export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/** Colours that the style sheet replaces on dark. */
export const CHART_INK = { text: '#4a5160', grid: '#e4e7ec', axis: '#aab1bd', surface: '#ffffff' } as const;

export type Row = Readonly<Record<string, string | number | null>>;

export const accuracyAxis = {
  field: 'y',
  type: 'quantitative',
  title: null,
  scale: { domain: [0, 1], nice: false },
  axis: { values: [0, 0.25, 0.5, 0.75, 1], labelExpr: "datum.value * 100 + '\u00a0%'" },
} as const;

/** Of losses that never come near 0. */
export const freeLossAxis = {
  field: 'y',
  type: 'quantitative',
  title: null,
  scale: { zero: false, nice: true },
  axis: { tickCount: 5 },
} as const;

export const perplexityAxis = {
  field: 'y',
  type: 'quantitative',
  title: null,
  scale: { type: 'log', nice: false, padding: 16 },
  axis: { tickCount: 6, format: '~r' },
} as const;

export const lossAxis = (top: number) => ({
  field: 'y',
  type: 'quantitative',
  title: null,
  scale: { domainMin: 0, domainMax: top > 0 ? top : 1, nice: true },
  axis: { tickCount: 5 },
});

/** Something with looks. */
interface Styled {
  readonly style: SeriesStyle;
}

/** Colour and dash by the row's `series`, an index into these. */
export function looks(series: readonly Styled[]) {
  const domain = series.map((_, index) => index);
  const scale = (range: readonly unknown[]) => ({ domain, range });
  return {
    color: { field: 'series', type: 'nominal', legend: null, scale: scale(series.map(({ style }) => style.light)) },
    strokeDash: {
      field: 'series',
      type: 'nominal',
      legend: null,
      scale: scale(series.map(({ style }) => (style.dash.length > 0 ? style.dash : [1, 0]))),
    },
  };
}

/** Marks with their words; see {@link looks}. */
export function pointLayer(series: readonly Styled[], x: object, y: object, area: number): object {
  const { color } = looks(series);
  return {
    mark: {
      type: 'point',
      filled: true,
      opacity: 1,
      size: area,
      stroke: CHART_INK.surface,
      strokeWidth: 1,
      aria: true,
    },
    encoding: {
      x,
      y,
      fill: color,
      shape: { ...color, scale: { domain: color.scale.domain, range: series.map(({ style }) => style.mark) } },
      description: { field: 'said', type: 'nominal' },
    },
  };
}

/** A chart of layers over rows, in the report's looks. */
export function chart({ width, height }: ChartSize, values: readonly Row[], layer: readonly object[]): TopLevelSpec {
  const text = { labelColor: CHART_INK.text, titleColor: CHART_INK.text, labelFontSize: 12, titleFontSize: 12 };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    width,
    height,
    autosize: { type: 'fit', contains: 'padding' },
    padding: { left: 2, right: 12, top: 4, bottom: 2 },
    background: 'transparent',
    data: { values: values.toReversed() }, // the first series is drawn last, on top
    layer,
    config: {
      font: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
      aria: false,
      mark: { aria: false },
      view: { stroke: null },
      axis: {
        ...text,
        aria: false,
        titleFontWeight: 'normal',
        titlePadding: 8,
        gridColor: CHART_INK.grid,
        domainColor: CHART_INK.axis,
        tickColor: CHART_INK.axis,
        labelPadding: 5,
      },
      axisY: { domain: false, ticks: false },
    },
  } as TopLevelSpec;
}

/** Renders a specification to the text of an `<svg>` element. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const quiet = logger(ErrorLevel);
  const view = new View(parse(compile(spec, { logger: quiet }).spec), { renderer: 'none', logger: quiet });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
