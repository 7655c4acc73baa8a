/**
 * The last step of a package's build, run in it: writes what the sources say of each option (`.describe('…')`, or the comment
 * above it) into the declarations, where editors look. tsc leaves comments out of the types that it infers for schemas.
 *
 * `--partial`: nothing need be said of the rest.
 *
 * An option is found by its name, and by the names declared beside it: most of them are options of the same schema. Its default is
 * that of the built schema, which parts of others may have made; of a schema that its module keeps to itself, the one written down.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSync } from 'oxc-parser';

const PACKAGES = join(import.meta.dirname, '..', 'packages');
const files = (directory, ending) =>
  readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(directory, name));

/** Longest default that is told, in characters: one of many settings says them itself. */
const LONGEST = 60;

/** Names of the nodes that paths are made of. */
const NAMED = {
  VariableDeclarator: ({ id }) => id.name,
  TSPropertySignature: ({ key }) => key.name,
};

const sources = [...readdirSync(PACKAGES).map((name) => join(PACKAGES, name, 'src')), 'src'].filter((at) =>
  existsSync(at),
);
const documented = new Map();
for (const file of new Set(sources.flatMap((directory) => files(directory, '.ts')))) {
  if (!/\.(test|as|generated)\.ts$/.test(file)) collectOptions(file);
}
const missing = [];
for (const file of files('dist', '.d.ts')) missing.push(...(await writeComments(file)));
if (process.argv.includes('--partial')) process.exit(0);
for (const option of new Set(missing)) console.error(`option-docs: expected a description of ${option}, got none.`);
if (missing.length > 0) {
  console.error("Give it `.describe('…')` in its schema, or a /** comment */ above it.");
  process.exit(1);
}

/** What a file's object literals say of their properties. */
function collectOptions(file) {
  const text = readFileSync(file, 'utf8');
  if (!text.includes("from 'zod'")) return;
  const { program, comments } = parseSync(file, text);
  walk(program, (node) => {
    if (node.type !== 'ObjectExpression') return;
    const properties = node.properties.filter(({ type, key }) => type === 'Property' && key.type === 'Identifier');
    const names = properties.map(({ key }) => key.name);
    for (const { key, value, start } of properties) {
      const comment = comments.find(
        ({ end, value: body }) => end <= start && text.slice(end, start).trim() === '' && body.startsWith('*'),
      );
      const said =
        describedAs(value) ??
        comment?.value
          .replace(/^\*|\n\s*\*/g, ' ')
          .replace(/\s+/g, ' ')
          .trim();
      if (!said) continue;
      const known = documented.get(key.name) ?? [];
      const given = argumentOf(value, 'default');
      documented.set(key.name, [...known, { names, text: said, given: given && literalOf(given, text) }]);
    }
  });
}

/** The text that `.describe` is given in a chain of calls. */
function describedAs(node) {
  const argument = argumentOf(node, 'describe');
  return argument?.type === 'Literal' ? argument.value : undefined;
}

/** The first argument of a method in a chain of calls. */
function argumentOf(node, method) {
  for (let call = node; call?.type === 'CallExpression'; call = call.callee.object) {
    if (call.callee.property?.name === method) return call.arguments[0];
  }
  return undefined;
}

/** The value of a literal, as it would be told; undefined of anything else. */
function literalOf({ type, start, end }, text) {
  return type === 'Literal' || type === 'UnaryExpression' ? text.slice(start, end) : undefined;
}

/** @returns options that nothing is said of. */
async function writeComments(file) {
  let text = readFileSync(file, 'utf8');
  const literals = [];
  walk(parseSync(file, text).program, (node, path) => {
    if (node.type !== 'TSTypeLiteral') return;
    const options = node.members.filter((member) => member.type === 'TSPropertySignature' && isSchema(member, text));
    if (options.length > 0) literals.push({ options, path });
  });
  const module = literals.length > 0 ? await builtModule(file, text) : {};
  const insertions = [];
  const bare = [];
  for (const { options, path } of literals) {
    const names = options.map(({ key }) => key.name);
    for (const { key, start } of options) {
      const shared = (option) => option.names.filter((name) => names.includes(name)).length;
      const share = (option) => shared(option) / option.names.length;
      const fits = (documented.get(key.name) ?? []).filter((option) => share(option) >= 0.5);
      const [best] = fits.sort((a, b) => share(b) - share(a) || shared(b) - shared(a));
      if (best) {
        const schema = schemaAt(module, [...path, key.name]);
        const alike = best.names.length === names.length && share(best) === 1;
        const said = withDefault(best.text, schema ? shownDefault(schema) : alike ? best.given : undefined);
        insertions.push({ start, comment: `/** ${said.replaceAll('*/', '* /')} */` });
      } else bare.push(`'${key.name}' beside ${names.filter((name) => name !== key.name).join(', ') || 'nothing'}`);
    }
  }
  for (const { start, comment } of insertions.sort((a, b) => b.start - a.start)) {
    const indent = /[ \t]*$/.exec(text.slice(0, start))[0];
    text = `${text.slice(0, start)}${comment}\n${indent}${text.slice(start)}`;
  }
  writeFileSync(file, text);
  return bare;
}

/** What the module of a declaration exports, and the schemas of its factories by their names; nothing where it has types alone. */
async function builtModule(declaration, text) {
  const file = declaration.replace(/\.d\.ts$/, '.js');
  if (!existsSync(file)) return {};
  const exported = await import(pathToFileURL(resolve(file)));
  const factories = [...text.matchAll(/export declare const (\w+): \w+Factory<\s*typeof (\w+)/g)];
  return {
    ...Object.fromEntries(factories.map(([, factory, name]) => [name, exported[factory]?.schema])),
    ...exported,
  };
}

/** The schema of an option: the first name of its path is that of an export: a schema, a factory, or options of one. */
function schemaAt(module, path) {
  const optionsOf = (node) => shapeOf(typeof node === 'function' ? node.schema : node) ?? node;
  return path.reduce((node, name) => optionsOf(node)?.[name], module);
}

/** The options of an object's schema, within a default or a choice too. */
function shapeOf(schema) {
  const { def } = schema ?? {};
  if (!def) return undefined;
  if (def.shape) return def.shape;
  const inner = [def.innerType, def.in, def.element, def.valueType, ...(def.options ?? [])].filter(Boolean);
  return inner.map(shapeOf).find((shape) => shape !== undefined);
}

/** The default of a schema, if it has one that is short. */
function shownDefault(schema) {
  const value = schema.safeParse?.(undefined).data;
  if (value === undefined) return undefined;
  const shown = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return shown !== undefined && shown.length <= LONGEST ? shown : undefined;
}

/** `taps of short filters. Default: 3.` */
function withDefault(text, shown) {
  return shown === undefined || /\bdefault\b/i.test(text) ? text : `${text.replace(/\.$/, '')}. Default: ${shown}.`;
}

function isSchema({ typeAnnotation, start }, text) {
  const before = text.slice(0, start).trimEnd();
  return !before.endsWith('*/') && /^z\.Zod/.test(text.slice(typeAnnotation.typeAnnotation.start));
}

/** Visits every node, with the names that it stands below: of a variable, of properties. */
function walk(node, visit, path = []) {
  if (Array.isArray(node)) for (const child of node) walk(child, visit, path);
  else if (node && typeof node === 'object') {
    if (typeof node.type === 'string') visit(node, path);
    const name = NAMED[node.type]?.(node);
    const below = name === undefined ? path : [...path, name];
    for (const child of Object.values(node)) if (child && typeof child === 'object') walk(child, visit, below);
  }
}
