/** Legends, and panels put together, as SVG: what a figure of runs and one of plots have in common. */
import { CHART_INK } from '../report/chart-parts.js';
import type { SeriesStyle } from '../report/series-style.js';

/** An entry: a line, marks, a band, or the marked line of a model. */
export interface LegendItem {
  readonly label: string;
  readonly style: SeriesStyle;
  readonly kind: 'line' | 'points' | 'band' | 'marked';
}

/** SVG without its root, and the room it takes. */
export interface Drawing {
  readonly svg: string;
  readonly height: number;
}

const LEGEND = { fontSize: 13, rowHeight: 24, swatch: 34, gap: 20, letter: 6.9 } as const;
const FONT = 'font-family="system-ui, -apple-system, &quot;Segoe UI&quot;, Roboto, sans-serif"';

/** Entries in lines of at most the width. */
export function drawLegend(items: readonly LegendItem[], width: number): Drawing {
  let [x, y] = [4, LEGEND.rowHeight / 2 + 2];
  const drawn = items.map((item) => {
    const needed = LEGEND.swatch + 6 + item.label.length * LEGEND.letter;
    if (x > 4 && x + needed > width) [x, y] = [4, y + LEGEND.rowHeight];
    const svg = drawSwatch(item, x, y) + drawWords(item.label, x + LEGEND.swatch + 6, y + 4.5);
    x += needed + LEGEND.gap;
    return svg;
  });
  return { svg: drawn.join(''), height: y + LEGEND.rowHeight / 2 + 10 };
}

/** Words as the panels have them; a heading is bold and in the middle. */
export function drawWords(text: string, x: number, y: number, heading = false): string {
  const looks = heading ? ' font-weight="bold" text-anchor="middle"' : '';
  return `<text x="${x}" y="${y}" font-size="${LEGEND.fontSize}"${looks} ${FONT} fill="${CHART_INK.text}">${escapeXml(text)}</text>`;
}

function drawSwatch({ style, kind }: LegendItem, x: number, y: number): string {
  const { swatch } = LEGEND;
  if (kind === 'band') {
    return `<path d="M${x},${y - 6}h${swatch}v12h-${swatch}Z" fill="${style.light}" fill-opacity="${BAND_OPACITY}"/>`;
  }
  const dash = style.dash.length > 0 ? ` stroke-dasharray="${style.dash.join(' ')}"` : '';
  const line = `<path d="M${x},${y}h${swatch}" stroke="${style.light}" stroke-width="2"${dash}/>`;
  const mark = `<path d="${style.mark}" transform="translate(${x + swatch / 2} ${y}) scale(4.4)" fill="${style.light}"/>`;
  return `${kind === 'points' ? '' : line}${kind === 'line' ? '' : mark}`;
}

/** Of bands, in panels and legends. */
export const BAND_OPACITY = 0.22;

/** Parts from the top down, as one drawing. */
export function wholeSvg(width: number, height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" class="marks" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;
}

/** A drawing as a file of its own: white where a page would show through. */
export const onWhite = (svg: string): string =>
  `${svg.replace(/(<svg [^>]*>)/, '$1<rect width="100%" height="100%" fill="#ffffff"/>')}\n`;

/** A drawing of vega-lite at a place in another. */
export function placed(svg: string, x: number, y: number): string {
  const inner = /^<svg[^>]*>([\s\S]*)<\/svg>\s*$/.exec(svg)?.[1] ?? svg;
  return `<g transform="translate(${x} ${y})">${inner}</g>`;
}

const escapeXml = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
