/**
 * The report of an experiment as one HTML page: no network, no script needed, readable in light and dark, on a phone
 * and on paper. Every chart comes in two widths (the style sheet shows one) and beside a table of its numbers.
 */
import { MOST_CHARTS, MOST_LINES, MOST_ROWS, restNote } from './bounds.js';
import { type Curve, curveChart, lengthChart, runsDrawn, type Series } from './charts.js';
import { costSection } from './cost-section.js';
import { bothWidths, legend, type NumberedSeries, swatch } from './drawing.js';
import { type Entry, hasSlices } from './entries.js';
import { type FigureReport, figureSections } from './figure-section.js';
import { FILTER_BAR } from './filter-bar.js';
import { findings } from './findings.js';
import { formatPercent, listWords, NO_VALUE, plural } from './format.js';
import { type Html, html } from './html.js';
import { htmlDocument } from './html-document.js';
import { type BaselineRow, baselineRows } from './likelihood-columns.js';
import { type LiveView, liveLine } from './live/live-view.js';
import { lossByPosition } from './loss-by-position.js';
import { environmentSection, runsSection } from './page-details.js';
import { pageHeader } from './page-header.js';
import { LIVE_PAGE_SCRIPT, PAGE_SCRIPT } from './page-script.js';
import { pageStyle } from './page-style.js';
import { positionChart } from './position-chart.js';
import { rateSection } from './rate-section.js';
import { recipeSection } from './recipe-section.js';
import { rowOfEntry, rowOfRun } from './row-data.js';
import { formatNats, LENGTH_SCORES, measureOfEntries, SCORES } from './score.js';
import { seriesStyle } from './series-style.js';
import { sliceSection } from './slice-section.js';
import {
  afterStatus,
  type Column,
  cellText,
  isScore,
  OPEN_WORDS,
  rateNotes,
  repeatNotes,
  tableColumns,
} from './table.js';

/** Findings beyond which their list is folded. */
const MANY_FINDINGS = 16;
/** Settings beyond which their charts are folded. */
const MANY_SETTINGS = 3;

/** What one setting of the experiment shows: the entries that are compared with each other. */
interface Setting {
  readonly name: string;
  readonly series: readonly NumberedSeries[];
}

/**
 * Renders the page. `title` heads it; `description` is the experiment's own words; `figure`, where the experiment makes
 * one, comes first. With `live` it is one that follows its runs, as a server has it.
 */
export async function reportPage(
  title: string,
  description: string,
  entries: readonly Entry[],
  figure?: FigureReport,
  live?: LiveView,
): Promise<string> {
  const named = [...new Set(entries.map(({ setting }) => setting))];
  const drawn = named
    .slice(0, MOST_CHARTS)
    .flatMap((name) => entries.filter(({ setting }) => setting === name).slice(0, MOST_LINES));
  const labelsOf = (some: readonly Entry[]) => some.map(({ label }) => label);
  // What is shown comes first: looks of the rest are not needed.
  const shown = new Set([...(figure?.labels ?? []), ...labelsOf(entries.slice(0, MOST_ROWS)), ...labelsOf(drawn)]);
  const place = new Map([...new Set([...shown, ...labelsOf(entries)])].map((label, index) => [label, index]));
  const styles = [...place.values()].map(seriesStyle);
  const series = entries.map((entry) => {
    const index = place.get(entry.label)!;
    return { entry, index, style: styles[index]! };
  });
  const settings: Setting[] = named.map((name) => ({
    name,
    series: series.filter(({ entry }) => entry.setting === name),
  }));
  const sections = await Promise.all(settings.slice(0, MOST_CHARTS).map(settingSections));
  const fold = (what: string, parts: readonly Html[]) =>
    settings.length > MANY_SETTINGS && parts.some(({ text }) => text !== '')
      ? html`<section class="folded"><details><summary>${what}, by setting</summary>${[...parts]}</details></section>`
      : html`${[...parts]}`;
  const runs = await runsSection(entries);
  const cost = await costSection(series.slice(0, MOST_ROWS));
  const beside = html` The numbers of this page lie beside it: table.csv, lengths.csv, runs.csv, curves.csv${entries.some(hasSlices) ? ', slices.csv' : ''} and, of likelihoods, positions.csv.`;
  const body = html`${live && liveLine(live)}<main>
${pageHeader(title, description, entries, figure !== undefined)}
${live?.progress}
${FILTER_BAR}
${figure && figureSections(figure)}
${findingsSection(series)}
${fold(
  `${LENGTH_SCORES[measureOfEntries(entries)].title} by test length`,
  sections.map(({ lengths }) => lengths),
)}
${fold(
  'Loss by position',
  sections.map(({ positions }) => positions),
)}
${restNote(MOST_CHARTS, settings.length, 'settings as charts', 'lengths.csv and curves.csv')}
${resultsSection(series)}
${recipeSection(entries.slice(0, MOST_ROWS))}
${fold(
  'Accuracy by kind of answer',
  sections.map(({ slices }) => slices),
)}
${cost}
${fold(
  `${SCORES[measureOfEntries(entries)].title} against learning rate`,
  sections.map(({ rates }) => rates),
)}
${fold(
  'Training curves',
  sections.map(({ curves }) => curves),
)}
${openSection(entries)}
${runs}
${environmentSection(entries.flatMap(({ runs }) => runs))}
<footer>Made by mixerzoo from the runs' own records.${live ? ' Files with its numbers are written by the report command without --serve.' : beside}</footer>
</main>
<div id="tip" role="status" hidden></div>`;
  const page = {
    title: `${title} · mixerzoo report`,
    style: pageStyle(styles.slice(0, shown.size)),
    body,
  };
  return htmlDocument(live ? { ...page, script: LIVE_PAGE_SCRIPT, connects: true } : { ...page, script: PAGE_SCRIPT });
}

function findingsSection(series: readonly NumberedSeries[]): Html {
  const found = findings(series.map(({ entry }) => entry));
  const items = found.slice(0, MOST_ROWS).map(({ entry, text }, position) => {
    const where = entry.setting === '' ? '' : ` (${entry.setting})`;
    return html`<li>${swatch(series[position]!)}<span><strong>${entry.label}</strong>${where} ${text}</span></li>`;
  });
  const chances = series.flatMap(({ entry: { measure, outcome } }) =>
    outcome && measure === 'accuracy' ? [formatPercent(outcome.chance)] : [],
  );
  const likelihood = series.some(({ entry }) => entry.measure === 'likelihood' && entry.outcome);
  const list = html`<ul class="findings">${items}</ul>`;
  return html`<section><h2>What came out</h2>
${chances.length > 0 ? html`<p class="note">Shares of the test queries that were answered right; guessing gives ${listWords([...new Set(chances)])}.</p>` : ''}
${likelihood ? html`<p class="note">Nats are the mean negative log-probability of the next token on the test text; the perplexity is their exponential. Less is better.</p>` : ''}
${items.length > MANY_FINDINGS ? html`<details><summary>${plural(items.length, 'result')}</summary>${list}</details>` : list}${restNote(items.length, found.length, 'results', 'table.csv')}</section>`;
}

async function settingSections({
  name,
  series: all,
}: Setting): Promise<{ lengths: Html; positions: Html; slices: Html; rates: Html; curves: Html }> {
  const series = all.slice(0, MOST_LINES);
  const measured = series.filter(({ entry }) => entry.outcome);
  const rest = restNote(series.length, all.length, 'models', 'lengths.csv and curves.csv');
  const recorded = series.filter(({ entry }) =>
    entry.runs.some((run) => run.directory !== '' && run.steps.length + run.epochs.length > 0),
  );
  const of = name === '' ? '' : `: ${name}`;
  const measure = measureOfEntries(series.map(({ entry }) => entry));
  const score = LENGTH_SCORES[measure];
  const shown = measure === 'likelihood' ? (['loss'] as const) : (['accuracy', 'loss'] as const);
  const positions = await positionsSection(measured, of);
  const [lengths, ...curves] = await Promise.all([
    bothWidths((size) => lengthChart(measured, size), { width: 900, height: 360 }, describeLengths(measured, score)),
    ...shown.map((curve) =>
      bothWidths(
        (size) => curveChart(curve, recorded, size),
        { width: shown.length > 1 ? 440 : 900, height: 280 },
        describeCurve(curve, recorded),
      ),
    ),
  ]);
  const each = runsDrawn(recorded.length);
  const most = Math.max(0, ...recorded.map(({ entry }) => entry.outcome?.selected.length ?? 0));
  const seeds = restNote(each, most, 'seeds of a model', 'curves.csv');
  const trained = listWords([...new Set(measured.map(({ entry }) => String(entry.trainLength)))]);
  const unit = measure === 'likelihood' ? 'nats per token' : 'nats per answer';
  const drawn = shown.map((curve, index) => {
    const title = curve === 'accuracy' ? 'Accuracy' : `Loss (${unit})`;
    return html`<div><h3>${title}</h3>${curves[index]}</div>`;
  });
  return {
    lengths: html`${
      lengths &&
      html`<section data-charts><h2>${score.title} by test length${of}</h2>
<p class="note">Trained on sequences of ${trained} tokens only, never on the other lengths. Bars: 95&nbsp;% confidence intervals.</p>
${legend(measured)}
${lengths}
${lengthTable(measured, score, of)}${rest}</section>`
    }`,
    positions,
    slices: await sliceSection(measured, of),
    rates: await rateSection(series, of),
    curves: html`${
      curves.find(Boolean) &&
      html`<section data-charts><h2>Training curves${of}</h2>
<p class="note">Lines: training batches. Marks: validation ${measure === 'likelihood' ? 'text' : 'examples'}, at the end of epochs.</p>
${legend(recorded)}
${drawn.length > 1 ? html`<div class="pair">${drawn}</div>` : drawn}${seeds}${rest}</section>`
    }`,
  };
}

/** Empty where no loss by position was recorded. */
async function positionsSection(series: readonly NumberedSeries[], of: string): Promise<Html> {
  const shown = series.filter(({ entry }) => lossByPosition(entry).length > 1);
  const ends = shown.map(({ entry }) => {
    const bins = lossByPosition(entry);
    return `${entry.label}: ${formatNats(bins[0]!.loss)} at the beginning, ${formatNats(bins.at(-1)!.loss)} at the end`;
  });
  const alt = `Line chart of test loss against position. ${ends.join('. ')}.`;
  const chart = await bothWidths((size) => positionChart(shown, size), { width: 900, height: 320 }, alt);
  if (!chart) return html``;
  const widths = new Set(shown.map(({ entry }) => lossByPosition(entry)[0]!.end));
  return html`<section data-charts><h2>Loss by position${of}</h2>
<p class="note">Nats per token within the longest windows of the test, means over bins of ${listWords([...widths].map((width) => plural(width, 'position')))}, and over seeds where there are several. A falling line makes use of what is further back. Dashed: the training length.</p>
${legend(shown)}
${chart}</section>`;
}

type LengthScore = (typeof LENGTH_SCORES)[keyof typeof LENGTH_SCORES];

function describeLengths(series: readonly Series[], score: LengthScore): string {
  const lines = series.map(({ entry }) => {
    const points = (entry.outcome?.lengths ?? []).map(
      (length) => `${score.format(score.of(length).value)} at ${length.seqLen}`,
    );
    return `${entry.label}: ${points.join(', ')}`;
  });
  return `Line chart of test ${score.word} against test length. ${lines.join('. ')}.`;
}

function describeCurve(curve: Curve, series: readonly Series[]): string {
  const lines = series.flatMap(({ entry }) => {
    const last = (entry.outcome?.selected[0] ?? entry.runs[0])?.epochs.at(-1);
    if (!last) return [];
    const value = curve === 'accuracy' ? formatPercent(last.validationAccuracy) : last.validationLoss.toPrecision(3);
    return [`${entry.label} ends at ${value} after ${last.step} steps`];
  });
  return `Line chart of ${curve} against training step. ${lines.join('. ')}.`;
}

/** `of`: `: d 64`, where there are several settings. */
function lengthTable(series: readonly NumberedSeries[], score: LengthScore, of: string): Html {
  const lengths = [...new Set(series.flatMap(({ entry }) => entry.outcome?.lengths.map(({ seqLen }) => seqLen) ?? []))];
  const ordered = lengths.sort((a, b) => a - b);
  const tinted = score === LENGTH_SCORES.accuracy;
  const rows = series.map((one) => {
    const values = ordered.map((length) => {
      const at = one.entry.outcome?.lengths.find(({ seqLen }) => seqLen === length);
      const trained = length === one.entry.trainLength ? ' trained' : '';
      if (!at) return html`<td role="cell" class="${trained}">${NO_VALUE}</td>`;
      const estimate = score.of(at);
      const [title, text] = [score.interval(estimate), score.format(estimate.value)];
      return tinted
        ? html`<td role="cell" class="number tint${trained}" style="--part:${estimate.value.toFixed(3)}" title="${title}">${text}</td>`
        : html`<td role="cell" class="number${trained}" title="${title}">${text}</td>`;
    });
    return html`<tr role="row"${rowOfEntry(one.entry)}><th role="rowheader" scope="row" class="left">${one.entry.label}</th>${values}</tr>`;
  });
  const heads = ordered.map((length) => html`<th role="columnheader" scope="col">${length}</th>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Test ${score.word} by length${of}">
<table role="table" class="lengths" data-table="lengths${of}" style="--columns:${ordered.length}"><thead role="rowgroup"><tr role="row">
<th role="columnheader" scope="col" class="left">Test length</th>${heads}</tr></thead><tbody role="rowgroup">${rows}</tbody></table></div>`;
}

function resultsSection(series: readonly NumberedSeries[]): Html {
  const trainLengths = new Set(series.map(({ entry }) => entry.trainLength));
  // Other lengths stand in the tables by length, memory in that of all runs.
  const isShown = ({ key, seqLen }: Column) =>
    key !== 'peakMemory' && (seqLen === undefined || trainLengths.has(seqLen));
  const columns = tableColumns(series.map(({ entry }) => entry)).filter(isShown);
  const heads = columns.map(
    ({ key, header, align }) =>
      html`<th role="columnheader" scope="col" class="${align}" data-key="${key}">${header}</th>`,
  );
  const entries = series.map(({ entry }) => entry);
  const rows = [
    ...series
      .slice(0, MOST_ROWS)
      .map(
        (one) => html`<tr role="row"${rowOfEntry(one.entry)}>${columns.map((column) => resultCell(column, one))}</tr>`,
      ),
    ...baselineRows(entries).map(
      (row) => html`<tr role="row">${columns.map((column) => baselineCell(column, row))}</tr>`,
    ),
  ];
  const [accuracies, likelihood] = (['accuracy', 'likelihood'] as const).map((measure) =>
    entries.some((entry) => entry.measure === measure),
  );
  const seeds = series.some(({ entry }) => (entry.outcome?.selected.length ?? 0) > 1);
  const rates = series.some(({ entry }) => (entry.outcome?.learningRates.length ?? 0) > 1);
  const exact = columns.some(({ key }) => key === 'exactMatch' || key === 'freeRunningExact');
  const free = series.some(({ entry }) => entry.outcome?.freeRunning);
  const repeats = repeatNotes(series.map(({ entry }) => entry)).map((note) => html`<p class="note">${note}</p>`);
  const notes = rateNotes(series.slice(0, MOST_ROWS).map(({ entry }) => entry)).map((note) => html`<li>${note}</li>`);
  return html`<section><h2>Results</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Results"><table role="table" class="cards" data-table="results" data-rows="models"><thead role="rowgroup"><tr role="row">${heads}</tr></thead><tbody role="rowgroup">${rows}</tbody></table></div>
${restNote(MOST_ROWS, series.length, 'models', 'table.csv')}<p class="note">${accuracies ? accuracyNote(seeds) : ''}${likelihood ? likelihoodNote(seeds) : ''}${rates ? 'The learning rate of each model is the best on validation examples. ' : ''}${exact ? 'Exact match: the share of test examples with every answer right. ' : ''}${free ? 'Free-running: the same when the model goes on from its own answers instead of those that stand in the example. ' : ''}${accuracies ? 'Steps and time to 99 % are to the first epoch that ends with 99 % on validation examples; time counts training steps only; – where no such epoch came. ' : ''}State is what a sequence keeps to be continued, in numbers, after the training length; FLOPs are of one forward pass of a sequence of that length; tokens/s are of training.</p>${repeats}${
    notes.length === 0
      ? ''
      : html`<details open><summary>Learning rates chosen while runs are missing</summary><p class="note">Rates are compared on the seeds they share.</p><ul class="note">${notes}</ul></details>`
  }</section>`;
}

function accuracyNote(seeds: boolean): string {
  const interval = seeds
    ? 'of the mean over seeds (Student’s t, and no narrower than Wilson’s over all test examples); where there is one seed, over its test examples (Wilson)'
    : 'over the test examples of this one training run (Wilson); another seed may differ by more';
  return `Accuracy is the share of test queries answered right. In brackets its 95 % confidence interval: ${interval}. `;
}

function likelihoodNote(seeds: boolean): string {
  const interval = seeds
    ? 'of the mean over seeds (Student’s t): what another training would give on the same text; where there is one seed, over its windows'
    : 'over the windows of the test text of this one training run; another seed may differ by more';
  return (
    `Nats are per token of the test text, the same tokens for every model of a setting (tokenizers compare by bits per byte alone); perplexity is their exponential. In brackets the 95 % confidence interval: ${interval}. ` +
    'Rows without a count of parameters are simple models of the same training text, on the same test text. Of peak: the share of the speed of a matrix product that training reached. '
  );
}

function baselineCell(column: Column, row: BaselineRow): Html {
  const text = column.baseline?.(row) ?? '';
  if (column.key === 'model') return html`<th role="rowheader" scope="row" class="left">${text}</th>`;
  if (text === '') return html`<td role="cell"></td>`;
  return html`<td role="cell" class="${column.align} number" data-label="${column.header}">${text}</td>`;
}

function resultCell(column: Column, one: NumberedSeries): Html {
  const { entry } = one;
  const text = cellText(column, entry);
  if (column.key === 'model') return html`<th role="rowheader" scope="row" class="left">${text}</th>`;
  if (isScore(column, entry) && entry.outcome) {
    const score = SCORES[entry.measure];
    const estimate = score.of(entry.outcome);
    return html`<td role="cell" data-label="${column.header}">${score.format(estimate.value)} <span class="interval">${score.interval(estimate)}</span></td>`;
  }
  if (isScore(column, entry)) {
    return html`<td role="cell" class="whole"><span class="status ${entry.open[0]?.status ?? ''}">${text}</span></td>`;
  }
  if (text === '') return html`<td role="cell"></td>`;
  const [value, interval] = text.split(' [', 2);
  return html`<td role="cell" class="${column.align} number" data-label="${column.header}">${value}${interval && html` <span class="interval">[${interval}</span>`}</td>`;
}

function openSection(entries: readonly Entry[]): Html {
  const open = entries.flatMap((entry) => entry.open.map((run) => ({ entry, ...run })));
  if (open.length === 0) return html``;
  const rows = open.slice(0, MOST_ROWS).map(
    ({
      entry,
      config,
      status,
      message,
    }) => html`<tr${rowOfRun(entry, OPEN_WORDS[status])}><th scope="row">${[entry.label, entry.setting].filter(Boolean).join(', ')}<br>
<span class="note">learning rate ${config.learningRate}, seed ${config.seed}</span></th><td><span class="status ${status}">${OPEN_WORDS[status]}</span>${afterStatus(status, message)}</td></tr>`,
  );
  return html`<section><h2>Runs without a result</h2><table class="plain" data-table="open"><tbody>${rows}</tbody></table>${restNote(rows.length, open.length, 'runs without a result', 'runs.csv')}</section>`;
}
