/**
 * A whole page: one file, which may load nothing and run nothing but its own style sheet and script. Its
 * Content-Security-Policy names both by their hashes, so that markup which slipped into a text could not do more.
 */
import { createHash } from 'node:crypto';
import { type Html, html, trusted } from './html.js';

/** What a page is made of. */
export interface DocumentParts {
  readonly title: string;
  readonly style: string;
  readonly body: Html;
  readonly script?: string;
  /** The script may ask the server that the page is from. */
  readonly connects?: boolean;
}

/** Puts a page together. */
export function htmlDocument({ title, style, body, script, connects = false }: DocumentParts): string {
  const { markup, rules } = withoutStyleAttributes(body.text);
  const sheet = style + rules;
  const policy = [
    "default-src 'none'",
    'img-src data:', // the empty icon
    `style-src ${hashSource(sheet)}`,
    ...(script === undefined ? [] : [`script-src ${hashSource(script)}`]),
    ...(connects ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${trusted(sheet)}</style>
</head>
<body>
${trusted(markup)}
${script === undefined ? '' : html`<script>${trusted(script)}</script>\n`}</body>
</html>
`.text;
}

/** How a policy names a style sheet or script by what is in it. */
function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The markup with its `style` attributes, which a policy of hashes forbids, as rules of a style sheet. */
function withoutStyleAttributes(text: string): { markup: string; rules: string } {
  const numbers = new Map<string, number>();
  const numbered = (declarations: string) => {
    if (!numbers.has(declarations)) numbers.set(declarations, numbers.size);
    return ` data-style="${numbers.get(declarations)}"`;
  };
  // Attribute by attribute: texts of charts may hold quotes, and a value may end with `style=`.
  const markup = text.replace(/<\w(?:[^>"]|"[^"]*")*>/g, (tag) =>
    tag.replace(/\s([\w:-]+)="([^"]*)"/g, (attribute, name: string, value: string) =>
      name === 'style' ? numbered(value) : attribute,
    ),
  );
  // The attribute twice, to weigh more than the sheet's own rules, as an attribute of style would.
  const rules = [...numbers].map(
    ([declarations, number]) => `[data-style="${number}"][data-style] {${declarations}}\n`,
  );
  return { markup, rules: rules.join('') };
}
