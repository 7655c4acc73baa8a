/** The style of what the script of a page brings: headings that sort, the filter, and the line of a page that follows its runs. */
export const TOOLS_STYLE = `
[hidden] { display: none !important; }
.sortable thead button {
  display: inline; font: inherit; color: inherit; text-align: inherit; letter-spacing: inherit; background: none; border: 0; border-radius: 4px;
  margin: 0; padding: 0; cursor: pointer; white-space: inherit;
}
.sortable thead button:hover { color: var(--ink); text-decoration: underline; text-underline-offset: .2em; }
.sortable thead [aria-sort] button { color: var(--ink); font-weight: 600; }
.sortable thead [aria-sort] button::after {
  content: ""; display: inline-block; margin-left: .3em; vertical-align: .1em; border: .28em solid transparent; border-top: .4em solid; border-bottom: 0;
}
.sortable thead [aria-sort="ascending"] button::after { border-top: 0; border-bottom: .4em solid; }

.filter {
  display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .9rem; margin-top: 1.25rem; padding: .6rem 1.5rem; font-size: .875rem;
  background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
}
.filter label { display: inline-flex; align-items: center; gap: .4rem; color: var(--muted); min-width: 0; }
.filter :is(input, select, button) {
  font: inherit; color: var(--ink); background: var(--page); border: 1px solid var(--line); border-radius: 8px; padding: .3rem .55rem; min-height: 2.1rem; min-width: 0;
}
.filter input { width: 15rem; max-width: 100%; }
.filter select { max-width: 14rem; text-overflow: ellipsis; }
.filter button { cursor: pointer; }
.filter output { margin-left: auto; font-variant-numeric: tabular-nums; }
@media screen and (min-width: 760px) { .filter { position: sticky; top: 0; z-index: 1; } html { scroll-padding-top: 4.5rem; } }

.live { max-width: 66rem; margin: 0 auto; padding: .9rem 1.5rem 0; display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: baseline; font-size: .875rem; color: var(--muted); }
.live strong { color: var(--good); } .live strong::before { content: ""; display: inline-block; width: .55em; height: .55em; margin-right: .4em; border-radius: 50%; background: currentColor; }
.live[data-state="off"] strong { color: var(--bad); }
.live + main { padding-top: 1.25rem; }

@media screen and (max-width: 899px) {
  /* The headings, which cards do not show, as a line to sort by. */
  .cards.sortable thead { position: static; clip-path: none; width: auto; height: auto; overflow: visible; display: block; }
  .cards.sortable thead tr { display: flex; gap: .35rem; padding: .2rem 0 .5rem; overflow-x: auto; border-bottom: 1px solid var(--line); }
  .cards.sortable thead th { flex: none; }
  .cards.sortable thead button, .cards.sortable thead [aria-sort] button { border: 1px solid var(--line); border-radius: 999px; padding: .2rem .65rem; }
}
@media screen and (max-width: 759px) {
  .filter { padding: .7rem 1rem; border-radius: 10px; } .filter label { flex: 1 1 9rem; } .filter label:has(input) { flex-basis: 100%; }
  .filter :is(input, select) { flex: 1; width: 100%; max-width: none; font-size: 1rem; } .filter output { margin: 0; flex: 1 1 100%; }
  .live { padding: .7rem 1rem 0; }
}
@media print { .filter, .live { display: none; } }
`;
