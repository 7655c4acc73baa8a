/**
 * `npm run api`: what each package exports, a file per face in `packages/<name>/api`, from the declarations of its build: names and
 * their types, without comments. A change of them is then a change in the diff, and nobody's oversight.
 * `npm run api -- --check` writes nothing, and fails where the files are not those of the build.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';

const check = process.argv.includes('--check');
let faults = 0;
for (const name of readdirSync('packages')) {
  const directory = join('packages', name);
  const { exports: faces = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const reports = new Map();
  for (const [face, target] of Object.entries(faces)) {
    if (!target.types) continue;
    reports.set(`${face === '.' ? 'index' : face.slice(2)}.txt`, reportOf(join(directory, target.types)));
  }
  compare(join(directory, 'api'), reports);
}
process.exit(faults === 0 ? 0 : 1);

/** Writes the reports of a package, or says which files are not as they are. */
function compare(directory, reports) {
  const there = existsSync(directory) ? readdirSync(directory) : [];
  for (const file of new Set([...there, ...reports.keys()])) {
    const path = join(directory, file);
    const [is, ought] = [existsSync(path) ? readFileSync(path, 'utf8') : undefined, reports.get(file)];
    if (is === ought) continue;
    if (check) {
      faults += 1;
      console.error(`${path}: expected what the package exports, got something else. Write it with \`npm run api\`.`);
    } else if (ought === undefined) rmSync(path);
    else {
      mkdirSync(directory, { recursive: true });
      writeFileSync(path, ought);
    }
  }
}

function reportOf(entry) {
  if (!existsSync(entry)) throw new Error(`${entry}: expected a build, got none. Run \`npm run build\` first.`);
  const declarations = [...exportsOf(entry)].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${declarations.map(([, text]) => text).join('\n\n')}\n`;
}

/** What a module exports, by name: the text of its declaration, wherever that stands. */
function exportsOf(file) {
  const source = readFileSync(file, 'utf8');
  const { program } = parseSync(file, source);
  const text = ({ start, end }) => withoutComments(source.slice(start, end));
  const local = new Map();
  for (const node of program.body) {
    const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    for (const name of declaration ? namesOf(declaration) : [])
      local.set(name, [...(local.get(name) ?? []), declaration]);
  }
  const declarationOf = (name, target) => {
    if (target === undefined) return local.get(name)?.map(text).join('\n') ?? name;
    return target.startsWith('.') ? exportsOf(moduleOf(file, target)).get(name) : `${name} of ${target}`;
  };
  const found = new Map();
  for (const node of program.body) {
    if (node.type === 'ExportAllDeclaration' && !node.source.value.startsWith('.')) {
      const name = node.exported?.name ?? '*';
      found.set(name, `${name} of ${node.source.value}`);
    } else if (node.type === 'ExportAllDeclaration' && !node.exported) {
      for (const [name, declared] of exportsOf(moduleOf(file, node.source.value))) found.set(name, declared);
    } else if (node.type === 'ExportNamedDeclaration' && node.declaration) {
      for (const name of namesOf(node.declaration)) found.set(name, local.get(name).map(text).join('\n'));
    } else if (node.type === 'ExportNamedDeclaration') {
      for (const specifier of node.specifiers) {
        const [from, as] = [specifier.local, specifier.exported].map((each) => each.name ?? each.value);
        const declared = declarationOf(from, node.source?.value);
        found.set(as, from === as ? declared : `${as} is ${declared}`);
      }
    }
  }
  return found;
}

function moduleOf(file, specifier) {
  return join(dirname(file), specifier.replace(/\.js$/, '.d.ts'));
}

function namesOf(declaration) {
  if (declaration.type === 'VariableDeclaration') return declaration.declarations.map(({ id }) => id.name);
  return declaration.id ? [declaration.id.name] : [];
}

function withoutComments(text) {
  return text
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n');
}
