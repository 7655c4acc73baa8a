/** Charts as markup, and what names their series. */
import type { TopLevelSpec } from 'vega-lite';
import type { ChartSize } from './chart-parts.js';
import type { Series } from './charts.js';
import { drawSvg } from './drawn-charts.js';
import { type Html, html, trusted } from './html.js';

/** A series and its number in the style sheet. */
export type NumberedSeries = Series & { readonly index: number };

/** Both widths of a chart with their words; undefined when there is nothing to draw. */
export async function bothWidths(
  chart: (size: ChartSize) => TopLevelSpec | undefined,
  wide: ChartSize,
  alt: string,
): Promise<Html | undefined> {
  const specs = [
    { name: 'wide', spec: chart(wide) },
    { name: 'narrow', spec: chart({ width: 330, height: 260 }) },
  ];
  const drawn = await Promise.all(
    specs.map(async ({ name, spec }) =>
      spec
        ? html`<div class="${name}" role="img" aria-label="${alt}">${trusted((await drawSvg(spec)).replace('<svg ', '<svg aria-hidden="true" '))}</div>`
        : undefined,
    ),
  );
  return drawn.some(Boolean) ? html`<figure>${drawn}</figure>` : undefined;
}

/** A chart in one width, for phones too, with its words. */
export async function oneWidth(spec: TopLevelSpec, alt: string): Promise<Html> {
  const svg = (await drawSvg(spec)).replace('<svg ', '<svg aria-hidden="true" ');
  return html`<figure><div class="narrow always" role="img" aria-label="${alt}">${trusted(svg)}</div></figure>`;
}

/** The names of series with their looks, each a button. */
export function legend(series: readonly NumberedSeries[]): Html {
  const items = series.map(
    (one) =>
      html`<li><button type="button" aria-pressed="false" data-series="${one.index}">${swatch(one)}${one.entry.label}</button></li>`,
  );
  return html`<ul class="legend" aria-label="Models; press one to fade the others">${items}</ul>`;
}

/** A series' line and mark. */
export function swatch({ index, style }: NumberedSeries): Html {
  const colour = `var(--s${index})`;
  return html`<svg class="swatch" viewBox="0 0 34 16" aria-hidden="true"><path d="M1,8H33" style="stroke:${colour}" stroke-width="2.2" stroke-dasharray="${style.dash.join(' ') || 'none'}"/><path d="${style.mark}" transform="translate(17 8) scale(4.6)" style="fill:${colour}"/></svg>`;
}
