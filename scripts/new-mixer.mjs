/**
 * `npm run new:mixer <name>`: copies templates/mixer to packages/<name>, with the template's name replaced.
 * Nothing else changes: the command and the golden runner find packages by what they export.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TEMPLATE = join(ROOT, 'templates/mixer');
/** Names that parse, and that something else has already. */
const MEANINGS = {
  constructor: 'a property of every object',
  undefined: 'a value of JavaScript',
  golden: 'the file of golden vectors',
  mixer: "the template's",
  dist: 'ignored by git',
  coverage: 'ignored by git',
};
/** Imports stay, so that a name both imported and declared does not parse. */
const VERBATIM = { compilerOptions: { verbatimModuleSyntax: true } };
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/;

const name = process.argv[2];
if (!name || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  refuse(`a name in kebab-case, got '${name ?? ''}'. Example: npm run new:mixer gated-mean`);
}
const target = join('packages', name);
if (existsSync(target)) refuse(`a new name, got '${name}', which packages/ has already.`);
const meaning = MEANINGS[name] ?? (WINDOWS_DEVICE.test(name) ? 'a device on Windows' : undefined);
if (meaning) refuse(`a name of its own, got '${name}', ${meaning}. Example: ${name}-mean`);

const camel = name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const pascal = camel[0].toUpperCase() + camel.slice(1);
const files = renderTemplate();
for (const [file, text] of files) parse(file, text);
const owner = mixerOwner(camel);
if (owner) refuse(`a new name, got '${name}': ${owner} has a mixer '${camel}', and configs know mixers by name.`);

for (const [file, text] of files) {
  mkdirSync(dirname(join(target, file)), { recursive: true });
  writeFileSync(join(target, file), text);
}
const next = {
  'npm install': 'links the package',
  [`npx vitest run --project ${name}`]: 'its tests: describeMixer holds it to the contract',
  [`edit ${join(target, 'src', `${name}.ts`)}`]: 'your equations; docs/adding-a-mixer.md says what they are held to',
  'npm run build && npx mixerzoo list mixers': 'the command finds it',
};
const width = Math.max(...Object.keys(next).map(({ length }) => length));
console.log(`${target} is ready. Next:`);
for (const [command, what] of Object.entries(next)) console.log(`  ${command.padEnd(width)}  ${what}`);

function refuse(expectation) {
  console.error(`new:mixer: expected ${expectation}`);
  process.exit(2);
}

/** The package's files by path, under the new name. */
function renderTemplate() {
  const rendered = new Map();
  for (const entry of readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })) {
    const file = relative(TEMPLATE, join(entry.parentPath, entry.name));
    if (!entry.isFile() || /node_modules|dist|\.turbo/.test(file)) continue;
    const path = rename(file);
    if (rendered.has(path) || (path !== file && existsSync(join(TEMPLATE, path)))) {
      refuse(`a name of its own, got '${name}': the package has a file '${path}' already. Example: ${name}-mean`);
    }
    rendered.set(path, rename(readFileSync(join(TEMPLATE, file), 'utf8')));
  }
  return rendered;
}

function rename(text) {
  return text
    .replaceAll('causal-mean', name)
    .replaceAll('causalMean', camel)
    .replaceAll('CausalMean', pascal)
    .replaceAll('Causal mean', pascal);
}

/** A word of JavaScript (`class`), or a name the template's code has already (`linear`), does not parse. */
function parse(file, text) {
  if (!file.endsWith('.ts')) return;
  try {
    const { code } = transformSync(text, { loader: 'ts', logLevel: 'silent', tsconfigRaw: VERBATIM });
    transformSync(code, { loader: 'js', logLevel: 'silent' });
  } catch (error) {
    const why = error.errors?.[0]?.text ?? error.message;
    refuse(`a name that can be a variable of src/${name}.ts, got '${name}' (${why}). Example: ${name}-mean`);
  }
}

/** The package that has a mixer of this name, as the command sees them, from source. */
function mixerOwner(mixerName) {
  const command = ['--conditions=@mixerzoo/source', '--import', 'tsx', 'packages/bench/src/cli.ts'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, 'list', 'mixers', '--json'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) refuse(`to read the names in use, got a failure. Run \`npm install\` first.\n${stderr}`);
  return JSON.parse(stdout).find((mixer) => mixer.name === mixerName)?.package;
}
