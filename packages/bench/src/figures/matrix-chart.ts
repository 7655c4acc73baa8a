/** A panel of a figure whose axis is a variant: models in variants, a cell each, darker the more it answers, with its number. */
import type { TopLevelSpec } from 'vega-lite';
import { CHART_INK, type ChartSize, chart } from '../report/chart-parts.js';
import { formatPercent } from '../report/format.js';
import { seriesStyle } from '../report/series-style.js';
import type { FigurePoint } from './figure.js';
import { cellOf } from './points.js';

/** Of the fullest cell: ink on it keeps a contrast of 4.5 : 1. */
const MOST_OPAQUE = 0.35;
const LINE_HEIGHT = 24;
/** Width of a letter, over its height. */
const LETTER = 0.58;
/** Above the cells: title and names of variants. */
const TOP = 46;
/** Below it numbers and names are smaller. */
const NARROW = 400;
/** Beyond and below the cells. */
const EDGE = 6;

/** The height of a panel with these points. */
export function matrixHeight(points: readonly FigurePoint[]): number {
  return LINE_HEIGHT * new Set(points.map(({ model }) => cellOf(model).line)).size + TOP + 2 * EDGE;
}

/** The panel; points that are not measured have an empty cell, and what a row does not list has none. */
export function matrixSpec(points: readonly FigurePoint[], size: ChartSize): TopLevelSpec {
  const cells = points.map(({ model, measured }) => {
    const { best } = measured ?? {};
    const text = best === undefined ? '' : (100 * best).toFixed(0);
    const said = `${model}: ${best === undefined ? 'not measured' : formatPercent(best)}`;
    return { ...cellOf(model), y: best ?? 0, text, said };
  });
  const names = (key: 'line' | 'variant') => [...new Set(cells.map((cell) => cell[key]))];
  const fontSize = size.width < NARROW ? 10 : 12;
  const axis = { title: null, grid: false, domain: false, ticks: false, labelLimit: 0, labelFontSize: fontSize };
  const place = {
    x: {
      field: 'variant',
      type: 'nominal',
      scale: { domain: names('variant'), padding: 0.06 },
      axis: { ...axis, orient: 'top', labelAngle: 0 },
    },
    y: {
      field: 'line',
      type: 'nominal',
      scale: { domain: names('line'), padding: 0.06 },
      axis,
    },
  };
  // Without fonts texts are measured too wide: room is made for the names here.
  const left = Math.ceil(LETTER * fontSize * Math.max(...names('line').map(({ length }) => length))) + 2 * EDGE;
  const spec = chart(size, cells, [
    {
      mark: { type: 'rect', fill: seriesStyle(0).light, stroke: CHART_INK.grid, aria: true },
      encoding: {
        ...place,
        fillOpacity: {
          field: 'y',
          type: 'quantitative',
          scale: { domain: [0, 1], range: [0, MOST_OPAQUE] },
          legend: null,
        },
        description: { field: 'said', type: 'nominal' },
      },
    },
    {
      mark: { type: 'text', color: CHART_INK.text, fontSize },
      encoding: { ...place, text: { field: 'text', type: 'nominal' } },
    },
  ]);
  return {
    ...spec,
    width: size.width - left - EDGE,
    height: size.height - TOP - EDGE,
    autosize: 'none',
    padding: { left, top: TOP, right: EDGE, bottom: EDGE },
  } as TopLevelSpec;
}
