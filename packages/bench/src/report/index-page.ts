/** A page over all reports in a directory: what each compares, how far it is, and which claims it bears out. */
import { formatCount, listWords, NO_VALUE } from './format.js';
import { type Html, html } from './html.js';
import { htmlDocument } from './html-document.js';
import { pageStyle } from './page-style.js';
import type { ReportSummary } from './report-owner.js';

/** Renders the page. */
export function indexPage(reports: readonly { readonly href: string; readonly summary: ReportSummary }[]): string {
  const body = html`<main>
<header><p class="eyebrow">mixerzoo</p><h1>All reports</h1></header>
${reports.map(({ href, summary }) => reportSection(href, summary))}
</main>`;
  return htmlDocument({ title: 'All reports · mixerzoo', style: pageStyle([]), body });
}

function reportSection(href: string, summary: ReportSummary): Html {
  const { title, description, models, tasks, runs, finished, lastFinishedAt, claims } = summary;
  const counts = (['holding', 'not holding', 'not shown', 'not measured'] as const).flatMap((status) => {
    const count = claims.filter((claim) => claim.status === status).length;
    return count > 0 || status !== 'not shown' ? [`${count} ${status}`] : [];
  });
  const judged = claims.length === 0 ? '' : html`<div><dt>Claims</dt><dd>${counts.join(', ')}</dd></div>`;
  const ran =
    runs === 0
      ? ''
      : html`<div><dt>Models</dt><dd>${models.join('; ')}</dd></div>
<div><dt>Tasks</dt><dd>${listWords(tasks)}</dd></div>
<div><dt>Runs finished</dt><dd>${formatCount(finished)} of ${formatCount(runs)}</dd></div>
<div><dt>Last result</dt><dd>${lastFinishedAt?.slice(0, 16).replace('T', ' ') ?? NO_VALUE}</dd></div>`;
  return html`<section><h2><a href="${href}">${title}</a></h2>
<details><summary>${runs === 0 ? 'What it shows' : 'Setting and budget'}</summary><p>${description}</p></details>
<dl class="facts">
${ran}
${judged}
</dl></section>`;
}
