/** Documents of the repository, and the blocks of code in them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** What a block may be of; `text` is for drawings and output, which nothing checks. */
export const LANGUAGES = ['ts', 'js', 'sh', 'yaml', 'json', 'text'];

/** Languages that are not checked here: a block of one says why it stands, as a sketch does. */
export const UNCHECKED = ['html', 'py'];

/** Markdown files that are for readers: not changesets, changelogs and templates. */
export function documentsOf() {
  return spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((file) => file !== '' && existsSync(file) && !/^(\.changeset|templates)\/|CHANGELOG/.test(file));
}

/**
 * @returns blocks of a document: `where` (file and line), `language` (empty where none is named), `code`, and `sketch`, the reason
 *   of a `<!-- sketch: reason -->` above it (empty where it gives none), undefined of a whole one.
 */
export function blocksOf(file) {
  const blocks = [];
  let open;
  let sketch;
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const [, indent, fence, info] = /^(\s*)(`{3,})(.*)$/.exec(line) ?? [];
    if (open) {
      if (fence === open.fence && info.trim() === '') {
        const code = open.lines.map(
          (each) => `${each.startsWith(open.indent) ? each.slice(open.indent.length) : each}\n`,
        );
        blocks.push({ file, where: open.where, language: open.language, sketch: open.sketch, code: code.join('') });
        open = undefined;
      } else open.lines.push(line);
    } else if (fence) {
      open = { indent, fence, language: info.trim(), where: `${file}:${index + 1}`, sketch, lines: [] };
      sketch = undefined;
    } else if (line.trim() !== '')
      sketch = /^\s*<!-- sketch(?:: *(.*?))? *-->$/.exec(line)?.slice(1)[0] ?? notSketch(line);
  }
  return blocks;
}

const notSketch = (line) => (/^\s*<!-- sketch/.test(line) ? '' : undefined);

/** Code in a line of prose, between single backticks, with its place. */
export function spansOf(file) {
  let fenced = false;
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      if (/^\s*```/.test(line)) fenced = !fenced;
      if (fenced || /^\s*```/.test(line)) return [];
      return [...line.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, code]) => ({ where: `${file}:${index + 1}`, code }));
    });
}
