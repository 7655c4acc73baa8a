/** A table of texts, for a page and in Markdown: the same columns, rows and notes. */
import { type Html, html } from './html.js';
import { escapeMarkdown } from './table.js';

/** A text, and smaller beside it an interval or a comparison. */
export interface PlainCell {
  readonly text: string;
  readonly aside?: string;
}

export interface PlainTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly PlainRow[];
  readonly notes: readonly string[];
}

export interface PlainRow {
  readonly head: string;
  /** One for each column; or a single one in place of all. */
  readonly cells: readonly PlainCell[];
}

/** `folded`: the table is on demand. */
export function plainTableSection(table: PlainTable, folded = false): Html {
  const { title, notes } = table;
  const content = html`${plainTable(table)}
${notes.map((note) => html`<p class="note">${note}</p>`)}`;
  return folded
    ? html`<section class="folded"><details><summary>${title}</summary>${content}</details></section>`
    : html`<section><h2>${title}</h2>${content}</section>`;
}

/** The table without heading and notes. */
export function plainTable({ title, columns, rows }: PlainTable): Html {
  const heads = ['Model', ...columns].map(
    (column, index) =>
      html`<th role="columnheader" scope="col" class="${index === 0 ? 'left' : 'right'}">${column}</th>`,
  );
  const lines = rows.map(({ head, cells }) => {
    const whole = cells.length === 1 && columns.length > 1;
    const texts = cells.map(({ text, aside }, index) =>
      whole
        ? html`<td role="cell" class="whole left" colspan="${columns.length}">${text}</td>`
        : html`<td role="cell" class="number" data-label="${columns[index]}">${text}${aside && html` <span class="interval">${aside}</span>`}</td>`,
    );
    return html`<tr role="row" data-model="${head}"><th role="rowheader" scope="row" class="left">${head}</th>${texts}</tr>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${title}"><table role="table" class="cards" data-table="${title}"><thead role="rowgroup"><tr role="row">${heads}</tr></thead><tbody role="rowgroup">${lines}</tbody></table></div>`;
}

/** The table in Markdown, its notes below it. */
export function plainTableMarkdown({ columns, rows, notes }: PlainTable): string {
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`;
  const cell = ({ text, aside }: PlainCell) => escapeMarkdown(aside ? `${text} ${aside}` : text);
  const blank = (count: number) => Array.from({ length: count }, () => '');
  return [
    line(['Model', ...columns].map(escapeMarkdown)),
    line(['---', ...columns.map(() => '---:')]),
    ...rows.map(({ head, cells }) =>
      line([escapeMarkdown(head), ...cells.map(cell), ...blank(columns.length - cells.length)]),
    ),
    ...notes.flatMap((note) => ['', escapeMarkdown(note)]),
    '',
  ].join('\n');
}
