/** Packages and ops from templates: names that may be used, the template's files under the new name, and what to do next. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

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
 * @param names - by the template's name the new one, all in kebab-case.
 */
export function renamer(names) {
  const forms = Object.entries(names).flatMap(([from, to]) => {
    const after = formsOf(to);
    return formsOf(from).map((form, index) => [form, after[index]]);
  });
  const renamed = new Map(forms);
  // In one pass, so that a new name that holds an old one is left alone.
  const any = new RegExp([...renamed.keys()].join('|'), 'g');
  return (text) => text.replace(any, (form) => renamed.get(form));
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
 * What speaks against a name: the end of a sentence that begins with "expected". Undefined where nothing does.
 *
 * @param templates - the directories whose code will have it.
 * @param from - the template's name, which is not taken.
 */
export function nameFault(name, templates, from) {
  const example = `Example: ${/^[a-z]/.test(name ?? '') ? name.replace(/[^a-z0-9]+/g, '-').replace(/-$/, '') : 'gated'}-mean`;
  if (!name || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    return `a name in kebab-case, got '${name ?? ''}'. Example: gated-mean`;
  }
  const meaning = MEANINGS[name] ?? (WINDOWS_DEVICE.test(name) ? 'a device on Windows' : undefined);
  if (meaning) return `a name of its own, got '${name}', ${meaning}. ${example}`;
  const [, camel, pascal] = formsOf(name);
  if (!isIdentifier(camel)) return `a name that can be a variable, got '${name}', a word of JavaScript. ${example}`;
  for (const [file, text] of templates.flatMap((template) => [...renderTemplate(template, (same) => same)])) {
    if (!file.endsWith('.ts') || file.endsWith('.config.ts')) continue;
    const stem = file.replace(/^.*\/|\.ts$/g, '');
    if (stem === name) return `a name of its own, got '${name}': the template has a file '${file}'. ${example}`;
    const words = new Set(codeOf(text).match(/[\w$]+/g));
    const taken = [camel, pascal].find((word) => words.has(word) && !formsOf(from).includes(word));
    if (taken) return `a name of its own, got '${name}': the template's code has a '${taken}'. ${example}`;
  }
  return undefined;
}

/** Ends the process for a name that the template's code could not have. */
export function assertName(command, name, template, from) {
  const fault = nameFault(name, [template], from);
  if (fault !== undefined) refuse(command, fault);
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
