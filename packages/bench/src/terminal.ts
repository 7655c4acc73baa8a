/**
 * All that the commands write to standard output and standard error goes through here. Texts come from configs, records,
 * plugins and errors, and a terminal obeys what it is sent: signs that could redraw it, or show a line in another order
 * than it has, are written as JSON writes them (`\u001b`), in JSON itself too.
 */

/** Controls, separators of lines, lone surrogates, and what sets the direction of writing. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;

/** A text whose only control characters are newlines and tabs. */
export function visible(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(UNSEEN, (sign) =>
      sign === '\n' || sign === '\t' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}

/** A text on one line: for a table, a name, a line of a list. */
export function visibleLine(text: string): string {
  return visible(text.replace(/[\t\n\r\u2028\u2029]+/g, ' '));
}

/** Writes lines. */
export function print(text: string, stream: NodeJS.WritableStream = process.stdout): void {
  stream.write(`${visible(text)}\n`);
}

/** Writes a part of a line, as it comes. */
export function printPart(text: string, stream: NodeJS.WritableStream = process.stdout): void {
  stream.write(visible(text));
}

/** Writes a value as JSON: the result of a command with `--json`. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
