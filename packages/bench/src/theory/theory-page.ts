/**
 * The page of `mixerzoo theory`: a section per claim with its statement, what was built, its plots, every check beside its bound, and
 * where the paper slips. A page as the reports are: no network, light and dark, phones and print.
 */
import type { ClaimResult, JudgedCheck, Plot, Slip } from '@mixerzoo/theory';
import { VERDICT_MARKS } from '../figures/claims.js';
import { coloursOf, drawPlots, NARROW_PLOTS } from '../figures/plot-chart.js';
import { FILTER_BAR } from '../report/filter-bar.js';
import { plural } from '../report/format.js';
import { type Html, html, trusted } from '../report/html.js';
import { htmlDocument } from '../report/html-document.js';
import { PAGE_SCRIPT } from '../report/page-script.js';
import { pageStyle } from '../report/page-style.js';
import { seriesStyle } from '../report/series-style.js';
import { countHolding, formatBound, formatMargin, formatMeasured, nearestToBound, verdictOf } from './words.js';

/** Title of the page and of its entry in the index. */
export const THEORY_TITLE = 'The theorems of CAT, as experiments';

/** Renders the page. */
export async function theoryPage(results: readonly ClaimResult[], seed: number): Promise<string> {
  const sections = await Promise.all(results.map(claimSection));
  const body = html`<main>
<header><p class="eyebrow">mixerzoo theory</p><h1>${THEORY_TITLE}</h1>
<p class="lead">Each claim of the paper (<a href="https://arxiv.org/abs/2407.05591">arXiv 2407.05591</a>) is built, measured and held to its bound. Each must be able to fail: a counter-check breaks what the claim asks for, and must not hold.</p>
<dl class="facts"><div><dt>Claims</dt><dd>${countHolding(results)}</dd></div><div><dt>Seed</dt><dd>${seed}</dd></div></dl></header>
${FILTER_BAR}
${overview(results)}
${sections}
<footer>Made by mixerzoo. The numbers of this page lie beside it in theory.json; the same seed gives the same numbers.</footer>
</main>
<div id="tip" role="status" hidden></div>`;
  const plots = results.flatMap((result) => result.plots);
  const colours = Math.max(1, ...plots.map((plot) => coloursOf([plot])));
  const style = pageStyle(Array.from({ length: colours }, (_, index) => seriesStyle(index)));
  return htmlDocument({ title: `${THEORY_TITLE} · mixerzoo`, style, body, script: PAGE_SCRIPT });
}

/** A row per claim: the check that is nearest to its bound. */
function overview(results: readonly ClaimResult[]): Html {
  const rows = results.map((result) => {
    const nearest = nearestToBound(result);
    const cell = (label: string, text: string) => html`<td class="number" data-label="${label}">${text}</td>`;
    return html`<tr data-state="${verdictOf(result)}"><th class="left"><a href="#${result.id}">${result.title}</a></th>
<td class="whole left" data-label="nearest to its bound">${nearest?.what ?? ''}</td>
${cell('measured', nearest ? formatMeasured(nearest) : '')}${cell('bound', nearest ? formatBound(nearest) : '')}
${cell('margin', nearest ? formatMargin(nearest) : '')}<td data-label="verdict">${verdict(result)}</td></tr>`;
  });
  return html`<section><h2>All claims</h2>
<p class="note">Of each claim the check that is nearest to its bound, and the share of the bound that is left.</p>
<table class="cards" data-table="claims" data-rows="claims"><thead><tr><th class="left">claim</th><th class="left">nearest to its bound</th><th>measured</th><th>bound</th><th>margin</th><th>verdict</th></tr></thead>
<tbody>${rows}</tbody></table></section>`;
}

async function claimSection(result: ClaimResult): Promise<Html> {
  const { id, title, statement, built, plots, slips = [], checks } = result;
  return html`<section id="${id}" data-charts><h2>${title}</h2>
<p>${verdict(result)}</p>
<p>${statement}</p>
<p class="note">Built: ${built}.</p>
${plots.length === 0 ? undefined : html`<div class="pair">${await Promise.all(plots.map(drawing))}</div>`}
${slips.length === 0 ? undefined : html`<h3>Where the paper slips</h3>${slips.map(slipTable)}`}
${checksTable(checks)}</section>`;
}

async function drawing(plot: Plot): Promise<Html> {
  const svg = await drawPlots([plot], NARROW_PLOTS);
  return html`<figure><div class="narrow always" role="img" aria-label="${plot.title}. ${plot.caption}">${trusted(svg.replace('<svg ', '<svg aria-hidden="true" '))}</div>
<figcaption class="note">${plot.caption}</figcaption></figure>`;
}

function slipTable({ printed, corrected }: Slip): Html {
  return html`<table class="plain"><tbody><tr><th>As printed</th><td>${printed}</td></tr><tr><th>Corrected</th><td>${corrected}</td></tr></tbody></table>`;
}

function checksTable(checks: readonly JudgedCheck[]): Html {
  const rows = checks.map((check) => {
    const mark = check.asExpected ? VERDICT_MARKS.holding : VERDICT_MARKS['not holding'];
    const found = check.holds ? 'holds' : 'fails';
    const words = check.expected === 'fails' ? `${found}, as it must` : found;
    return html`<tr><th class="left">${check.what}</th><td class="number" data-label="measured">${formatMeasured(check)}</td>
<td class="number" data-label="bound">${formatBound(check)}</td><td class="left" data-label="verdict">${mark} ${check.asExpected ? words : `${found}: not expected`}</td></tr>`;
  });
  return html`<details><summary>${plural(checks.length, 'check')}</summary><table class="cards">
<thead><tr><th class="left">quantity</th><th>measured</th><th>bound</th><th class="left">verdict</th></tr></thead><tbody>${rows}</tbody></table></details>`;
}

function verdict(result: ClaimResult): Html {
  const status = verdictOf(result);
  return html`<span class="verdict ${status.replace(' ', '-')}">${VERDICT_MARKS[status]} ${status}</span>`;
}
