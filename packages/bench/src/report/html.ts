/** HTML by tagged templates: what is put in is escaped unless it is {@link Html} itself. */

/** Markup that is safe to put into a page as it is. */
export class Html {
  constructor(readonly text: string) {}
}

type Content = Html | string | number | undefined | readonly (Html | string | undefined)[];

/** Joins a template, escaping strings for element content and double-quoted attributes. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(toMarkup)));
}

/** Markup from elsewhere that is trusted: our own style sheet, script and charts. */
export function trusted(text: string): Html {
  return new Html(text);
}

function toMarkup(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(toMarkup).join('');
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for element content and quoted attributes; a sign such as % stays on the line of its number. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!).replace(/(\d) ([%×])/g, '$1\u00a0$2');
}
