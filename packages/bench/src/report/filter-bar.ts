/** The filter over the tables of a page: filled and shown by the page's script, without which nobody misses it. */
import { html } from './html.js';

export const FILTER_BAR = html`<form id="filter" class="filter" role="search" aria-label="Filter of the tables" hidden>
<label>Filter <input type="search" name="words" placeholder="words of a row" autocomplete="off" spellcheck="false"></label>
<label>Model <select name="model"></select></label>
<label>State <select name="state"></select></label>
<button type="button" name="clear" hidden>Clear</button>
<output aria-live="polite"></output>
</form>`;
