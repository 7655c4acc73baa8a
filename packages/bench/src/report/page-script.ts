/**
 * The script of a report page; the page is complete without it. It sorts and filters the tables, keeps what is selected in the
 * page's address, shows the words of the mark nearest to the pointer, and fades the other models of the charts.
 */
import { CHARTS_SCRIPT } from './script/charts-script.js';
import { FILTER_SCRIPT } from './script/filter-script.js';
import { LIVE_SCRIPT } from './script/live-script.js';
import { SELECTION_SCRIPT } from './script/selection-script.js';
import { SORT_SCRIPT } from './script/sort-script.js';

const START = `
  const enhance = (root) => {
    for (const fold of root.querySelectorAll('details[open]')) fold.dataset.begins = 'open';
    prepareCharts(root);
    for (const table of root.querySelectorAll('table[data-table]')) prepareTable(table);
  };
  const showSelection = () => {
    for (const table of document.querySelectorAll('table[data-table]')) sortTable(table);
    showFilter();
    showSeries();
    openFolds();
  };
  addEventListener('hashchange', () => { if (readSelection()) showSelection(); });
`;

const PARTS = [SELECTION_SCRIPT, SORT_SCRIPT, FILTER_SCRIPT, CHARTS_SCRIPT, START];

/** Of a page that stands as it was written. */
export const PAGE_SCRIPT = script(`${PARTS.join('')}
  readSelection();
  enhance(document);
  showSelection();
`);

/** Of a page that is served while runs go on. */
export const LIVE_PAGE_SCRIPT = script(`${PARTS.join('')}${LIVE_SCRIPT}
  const begin = partsOf(document);
  readSelection();
  enhance(document);
  showSelection();
  follow(begin);
`);

function script(text: string): string {
  return `\n(() => {\n  'use strict';${text}})();\n`;
}
