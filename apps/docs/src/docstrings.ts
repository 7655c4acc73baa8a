/** Docstrings of what a module exports, wherever it is declared. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Comment, type Program, parseSync } from 'oxc-parser';

/** @returns the docstring of each export of a source file, by name, as Markdown; those without one are left out. */
export function docstringsOf(file: string): Map<string, string> {
  const source = readFileSync(file, 'utf8');
  const { program, comments } = parseSync(file, source);
  const local = localDocstrings(program, comments, source);
  const found = new Map<string, string>();
  const take = (name: string, text: string | undefined) => text !== undefined && found.set(name, text);
  for (const node of program.body) {
    if (node.type === 'ExportAllDeclaration' && !node.exported) {
      const target = moduleOf(file, node.source.value);
      for (const [name, text] of target ? docstringsOf(target) : []) take(name, text);
    } else if (node.type === 'ExportNamedDeclaration') {
      for (const name of namesOf(node.declaration)) take(name, local.get(name));
      const target = node.source ? moduleOf(file, node.source.value) : undefined;
      const there = target ? docstringsOf(target) : local;
      for (const specifier of node.specifiers) take(nameOf(specifier.exported), there.get(nameOf(specifier.local)));
    }
  }
  return found;
}

function localDocstrings(program: Program, comments: readonly Comment[], source: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const node of program.body) {
    const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    const comment = comments.find(
      ({ end, value }) => end <= node.start && value.startsWith('*') && source.slice(end, node.start).trim() === '',
    );
    if (comment) for (const name of namesOf(declaration)) found.set(name, toMarkdown(comment.value));
  }
  return found;
}

/** A file of the same package; undefined for another package. */
function moduleOf(file: string, specifier: string): string | undefined {
  const path = join(dirname(file), specifier.replace(/\.js$/, '.ts'));
  return specifier.startsWith('.') && existsSync(path) ? path : undefined;
}

interface Named {
  readonly type: string;
  readonly name?: string;
  readonly value?: string;
}
const nameOf = (node: object) => (node as Named).name ?? (node as Named).value ?? '';

function namesOf(declaration: object | null | undefined): string[] {
  const node = declaration as { id?: Named | null; declarations?: readonly { id: Named }[] } | null | undefined;
  if (node?.declarations) return node.declarations.map(({ id }) => nameOf(id));
  return node?.id ? [nameOf(node.id)] : [];
}

/** `@param x - what` as a line of a list, `@example` as code, `{@link name}` as code. */
export function toMarkdown(comment: string): string {
  const text = comment
    .replace(/^\*/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
    .replace(/\{@link ([^}|]+)(?:\|[^}]*)?\}/g, '`$1`');
  const [said = '', ...tags] = text.split(/^@(?=\w)/m);
  const lines = tags.map((tag) => {
    const [, name = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(tag.trim()) ?? [];
    if (name === 'example') return `\n\`\`\`ts\n${rest.replace(/^```\w*\n|\n```$/g, '')}\n\`\`\`\n`;
    if (name !== 'param') return `- *${name}*: ${rest}`;
    const [, parameter = '', what = ''] = /^(\S+)\s*(?:- )?([\s\S]*)$/.exec(rest) ?? [];
    return `- \`${parameter}\`: ${what}`;
  });
  return [said.trim(), lines.join('\n').trim()].filter(Boolean).join('\n\n');
}
