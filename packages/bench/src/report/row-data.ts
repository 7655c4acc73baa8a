/** What a row of a table is about, as attributes that the page's script filters by. */
import type { Entry } from './entries.js';
import { type Html, html } from './html.js';
import { OPEN_WORDS } from './table.js';

/** Between the states of a row. */
const SEPARATOR = '|';

/** Of a run; `state` as its words say it. */
export function rowOfRun({ label, setting }: Pick<Entry, 'label' | 'setting'>, state: string): Html {
  return html` data-model="${label}" data-setting="${setting}" data-state="${state}"`;
}

/** Of a model in a setting, which is in every state that one of its runs is in. */
export function rowOfEntry(entry: Entry): Html {
  const open = entry.open.map(({ status }) => OPEN_WORDS[status]);
  const states = [...new Set([...(entry.outcome ? ['finished'] : []), ...open])];
  return rowOfRun(entry, states.join(SEPARATOR));
}
