/**
 * A new mixer from the template: a package of this repository, or one that stands alone and depends on published versions.
 * Nothing else changes: the command and the golden runner find packages by what they export.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertName, formsOf, printNext, refuse, renamer, renderTemplate, TEMPLATES, writeFiles } from './scaffold.mjs';

const TEMPLATE = 'causal-mean';
const PACKAGE = `@mixerzoo/${TEMPLATE}`;
const FOLDER = `packages/${TEMPLATE}`;
/** Files of the template that a package of its own has in another form. */
const OF_REPOSITORY = /^(package\.json|tsup\.config\.ts|tsconfig.*\.json|vitest\.config\.ts|LICENSE)$/;
/** Files that npm would take for its own where they lie. */
const NAMES = { 'manifest.json': 'package.json', 'ignored-by-git': '.gitignore' };
const BIN = fileURLToPath(new URL('mixerzoo.mjs', import.meta.url));
const MANIFEST = new URL('../package.json', import.meta.url);

/** `npm run new:mixer <name> [-- --package <family>]`: packages/<name>, or a mixer of packages/<family>, there or not, here. */
export function newMixerHere(command, name, family = name) {
  const mixer = join(TEMPLATES, 'mixer');
  for (const each of new Set([name, family])) assertName(command, each, mixer, TEMPLATE);
  const target = join('packages', family);
  const more = existsSync(target);
  if (more && family === name) {
    refuse(
      command,
      `a new package, got '${family}', which packages/ has already. For one more mixer in it: another name, -- --package ${family}.`,
    );
  }
  assertNotTaken(command, name, ['--source']);
  const rename = renamer(TEMPLATE, name);
  const named = (text) =>
    rename(text.replaceAll(PACKAGE, `@mixerzoo/${family}`).replaceAll(FOLDER, `packages/${family}`));
  const files = renderTemplate(mixer, named);
  if (more) return addMixer(command, target, { name, family, files });
  writeFiles(target, files);
  printNext(target, {
    'npm install': 'links the package',
    [`npx vitest run --project ${family}`]: 'its tests: describeMixer holds it to the contract',
    [`edit ${join(target, 'src', `${name}.ts`)}`]: 'your equations; contributing/mixer.md says what they are held to',
    'npx mixerzoo --source list mixers': 'the command finds it, without a build',
    [`npm run check:mixer ${family}`]: 'all that a mixer of the zoo has to pass, and what is missing',
  });
}

/** One more mixer of a package: its source, its test, and its place in the package's index. */
function addMixer(command, target, { name, family, files }) {
  const index = join(target, 'src/index.ts');
  const own = new Map([...files].filter(([file]) => [`src/${name}.ts`, `src/${name}.test.ts`].includes(file)));
  for (const file of own.keys()) {
    if (existsSync(join(target, file))) refuse(command, `a new name, got '${name}': ${join(target, file)} is there.`);
  }
  const text = existsSync(index) ? readFileSync(index, 'utf8') : '';
  const [camel] = formsOf(name).slice(1);
  const extended = withMixer(text, camel, files.get('src/index.ts'));
  if (extended === undefined) {
    refuse(command, `a list 'definePlugin({ mixers: [...] })' in ${index}, got none. Write it, then run this again.`);
  }
  writeFiles(target, new Map([...own, ['src/index.ts', extended]]));
  printNext(`${camel} in ${target}`, {
    'npm run format': 'puts imports and exports into order',
    [`npx vitest run ${join(target, 'src', name)}`]: 'its tests: describeMixer holds it to the contract',
    [`edit ${join(target, 'src', `${name}.ts`)}`]: 'your equations; contributing/mixer.md says what they are held to',
    [`npm run check:mixer ${family}`]: 'all that a mixer of the zoo has to pass, and what its README lacks',
  });
}

/** An index with one more mixer, imported and exported as the template does; undefined where it lists no mixers. */
export function withMixer(index, mixer, template) {
  const list = /(definePlugin\(\{[\s\S]*?\bmixers:\s*\[)([^\]]*?)(,?\s*\])/;
  if (!list.test(index)) return undefined;
  const statement = (text, kind) => text.match(new RegExp(`^${kind} [^;]*? from '\\./[^']*';$`, 'gm')) ?? [];
  return ['import', 'export'].reduce(
    (text, kind) => {
      const [own] = statement(template, kind);
      const last = statement(text, kind).at(-1) ?? statement(text, 'import').at(-1) ?? '';
      return text.replace(last, () => (last === '' ? `${own}\n` : `${last}\n${own}`));
    },
    index.replace(
      list,
      (_, before, mixers, after) => `${before}${mixers.trim() === '' ? '' : `${mixers}, `}${mixer}${after}`,
    ),
  );
}

/** `mixerzoo new-mixer <name> [--to <directory>]`: a package of its own. */
export function newMixerAlone(command, name, target = name) {
  const mixer = join(TEMPLATES, 'mixer');
  assertName(command, name, mixer, TEMPLATE);
  if (existsSync(target)) refuse(command, `a new directory, got '${target}', which is there.`);
  const inRepository = existsSync(new URL('../src/cli.ts', import.meta.url));
  assertNotTaken(command, name, inRepository ? ['--source'] : []);
  const rename = renamer(TEMPLATE, name);
  const own = (text) => rename(text.replaceAll(PACKAGE, `mixerzoo-${TEMPLATE}`));
  const files = [...renderTemplate(mixer, own)].filter(([file]) => !OF_REPOSITORY.test(file));
  const { version, dependencies } = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  const versions = { CORE: dependencies['@mixerzoo/core'], BENCH: `^${version}`, ZOD: dependencies.zod };
  for (const [file, text] of renderTemplate(join(TEMPLATES, 'mixer-alone'), own)) {
    const filled = text.replaceAll(/\$(CORE|BENCH|ZOD)\b/g, (_, which) => versions[which]);
    files.push([NAMES[file] ?? file, filled]);
  }
  writeFiles(target, files);
  printNext(target, {
    [`cd ${target} && npm install`]: 'core, the command, TypeScript and vitest',
    'npm test': 'its tests: describeMixer holds it to the contract',
    [`edit src/${name}.ts`]: 'your equations',
    'npx mixerzoo run experiment.config.ts': 'trains it beside the others',
  });
}

/** Configs know mixers by name. */
function assertNotTaken(command, name, flags) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...flags, 'list', 'mixers', '--json'], {
    encoding: 'utf8',
  });
  if (status !== 0) refuse(command, `to read the names in use, got a failure. Run \`npm install\` first.\n${stderr}`);
  const [, camel] = formsOf(name);
  const owner = JSON.parse(stdout).find((mixer) => mixer.name === camel)?.package;
  if (owner)
    refuse(command, `a new name, got '${name}': ${owner} has a mixer '${camel}', and configs know mixers by name.`);
}

/** The name, and the values of `--to` and `--package`, of the arguments of a command. */
export function parseArguments(command, args) {
  const rest = [...args];
  const takeValue = (flag, what) => {
    const at = rest.indexOf(flag);
    if (at < 0) return undefined;
    const [, value] = rest.splice(at, 2);
    if (!value || value.startsWith('-')) refuse(command, `${what} after ${flag}, got none.`);
    return value;
  };
  const [to, family] = [takeValue('--to', 'a directory'), takeValue('--package', 'a name')];
  if (to !== undefined && family !== undefined) refuse(command, '--package or --to, got both.');
  if (rest.length > 1) refuse(command, `one name, got '${rest.join(' ')}'. Example: gated-mean`);
  return { name: rest[0], to, family };
}
