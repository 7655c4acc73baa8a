/** Accuracy, or loss, against what it costs: the state a sequence holds, the time of training, a step and a token. */
import { type CostAxis, costChart, type Series } from './charts.js';
import { oneWidth } from './drawing.js';
import { type Html, html } from './html.js';
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
      return (
        spec &&
        html`<div><h3>${title}</h3>${await oneWidth(spec, `${score} ${title.toLowerCase()}; the numbers are in table.csv`)}</div>`
      );
    }),
  );
  if (!charts.some(Boolean)) return html``;
  return html`<section data-charts><h2>${score} against cost</h2>
<p class="note">${score}${unit} at the training length; a mark for each model and setting, point at one for its name.${measure === 'likelihood' ? ' Bars: 95 % confidence intervals.' : ''} Times are of this machine, shared by the runs that went on side by side.</p>
<div class="pair">${charts}</div></section>`;
}
