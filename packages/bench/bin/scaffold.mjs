/** Packages and ops from templates: names that may be used, the template's files under the new name, and what to do next. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The templates: of the repository, or those that the published command brings. */
export const TEMPLATES = ['../../../templates', '../dist/templates']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

/** Names that are words of the language, and that something else has already. */
const MEANINGS = {
  constructor: 'a property of every object',
  undefined: 'a value of JavaScript',
  await: 'a word of JavaScript',
  golden: 'the file of golden vectors',
  mixer: "the template's",
  dist: 'ignored by git',
  coverage: 'ignored by git',
};
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/;

/** Ends the process: the input is bad. */
export function refuse(command, expectation) {
  console.error(`${command}: expected ${expectation}`);
  process.exit(2);
}

/**
 * How a template's text reads under another name: `causal-mean`, `causalMean`, `CausalMean` and `Causal mean`, that is.
 *
 * @param from - the template's name.
 * @param name - the new one; both in kebab-case.
 */
export function renamer(from, name) {
  const [before, after] = [formsOf(from), formsOf(name)];
  return (text) => before.reduce((renamed, form, index) => renamed.replaceAll(form, after[index]), text);
}

/** `gated-mean`, `gatedMean`, `GatedMean`, `Gated mean`. */
export function formsOf(kebab) {
  const camel = kebab.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  return [kebab, camel, capital(camel), capital(kebab.replaceAll('-', ' '))];
}

/** The files of a template by path, renamed. */
export function renderTemplate(directory, rename) {
  const files = new Map();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = relative(directory, join(entry.parentPath, entry.name));
    if (!entry.isFile() || /node_modules|dist|\.turbo|\.generated\./.test(file)) continue;
    files.set(rename(file).replaceAll('\\', '/'), rename(readFileSync(join(directory, file), 'utf8')));
  }
  return files;
}

/**
 * Ends the process for a name that the template's code could not have.
 *
 * @param template - the template's directory.
 * @param from - its name, which is not taken.
 */
export function assertName(command, name, template, from) {
  const example = `Example: ${/^[a-z]/.test(name ?? '') ? name.replace(/[^a-z0-9]+/g, '-').replace(/-$/, '') : 'gated'}-mean`;
  if (!name || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    refuse(command, `a name in kebab-case, got '${name ?? ''}'. Example: gated-mean`);
  }
  const meaning = MEANINGS[name] ?? (WINDOWS_DEVICE.test(name) ? 'a device on Windows' : undefined);
  if (meaning) refuse(command, `a name of its own, got '${name}', ${meaning}. ${example}`);
  const [, camel, pascal] = formsOf(name);
  if (!isIdentifier(camel)) {
    refuse(command, `a name that can be a variable, got '${name}', a word of JavaScript. ${example}`);
  }
  for (const [file, text] of renderTemplate(template, (same) => same)) {
    if (!file.endsWith('.ts') || file.endsWith('.config.ts')) continue;
    const stem = file.replace(/^.*\/|\.ts$/g, '');
    if (stem === name)
      refuse(command, `a name of its own, got '${name}': the template has a file '${file}'. ${example}`);
    const words = new Set(codeOf(text).match(/[\w$]+/g));
    const taken = [camel, pascal].find((word) => words.has(word) && !formsOf(from).includes(word));
    if (taken) refuse(command, `a name of its own, got '${name}': the template's code has a '${taken}'. ${example}`);
  }
}

/** Whether a strict module may declare it. */
function isIdentifier(word) {
  try {
    return Boolean(new Function(`'use strict'; const ${word} = 1; return ${word};`));
  } catch {
    return false;
  }
}

/** TypeScript without comments and strings. */
function codeOf(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, ' ');
}

export function writeFiles(target, files) {
  for (const [file, text] of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    writeFileSync(join(target, file), text);
  }
}

/** Says what is there, and which commands come next. */
export function printNext(what, next) {
  const width = Math.max(...Object.keys(next).map(({ length }) => length));
  console.log(`${what} is ready. Next:`);
  for (const [command, does] of Object.entries(next)) console.log(`  ${command.padEnd(width)}  ${does}`);
}
