/** Accuracy, or loss, against what it costs: the state a sequence holds, the time of training, a step and a token. */
import type { TopLevelSpec } from 'vega-lite';
import { type CostAxis, costChart, renderSvg, type Series } from './charts.js';
import { type Html, html, trusted } from './html.js';
import { measureOfEntries, SCORES } from './score.js';

const AXES: readonly (readonly [CostAxis, string])[] = [
  ['stateSize', 'Against the size of the state'],
  ['seconds', 'Against the time of training'],
  ['stepMs', 'Against the time of a training step'],
  ['tokenMs', 'Against the time of a generated token'],
];

/** The section, empty where there is nothing to compare. */
export async function costSection(series: readonly Series[]): Promise<Html> {
  const measure = measureOfEntries(series.map(({ entry }) => entry));
  const score = SCORES[measure].title;
  const unit = measure === 'likelihood' ? ' in nats per token' : '';
  const charts = await Promise.all(
    AXES.map(async ([cost, title]) => {
      const spec = costChart(cost, series, { width: 440, height: 250 });
      return spec && html`<div><h3>${title}</h3>${await drawing(spec, `${score} ${title.toLowerCase()}`)}</div>`;
    }),
  );
  if (!charts.some(Boolean)) return html``;
  return html`<section data-charts><h2>${score} against cost</h2>
<p class="note">${score}${unit} at the training length; a mark for each model and setting, point at one for its name.${measure === 'likelihood' ? ' Bars: 95 % confidence intervals.' : ''} Times are of this machine, shared by the runs that went on side by side.</p>
<div class="pair">${charts}</div></section>`;
}

async function drawing(spec: TopLevelSpec, title: string): Promise<Html> {
  const svg = (await renderSvg(spec)).replace('<svg ', '<svg aria-hidden="true" ');
  return html`<figure><div class="narrow always" role="img" aria-label="${title}; the numbers are in table.csv">${trusted(svg)}</div></figure>`;
}
