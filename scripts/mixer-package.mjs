/**
 * A new mixer of this repository from the template: a package, or one more mixer of a package. Nothing else changes: the command and
 * the golden runner find packages by what they export.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPLATES } from '../packages/create-mixerzoo/src/places.mjs';
import {
  assertName,
  formsOf,
  printNext,
  refuse,
  renamer,
  renderTemplate,
  writeFiles,
} from '../packages/create-mixerzoo/src/scaffold.mjs';

const TEMPLATE = 'causal-mean';
const PACKAGE = `@mixerzoo/${TEMPLATE}`;
const FOLDER = `packages/${TEMPLATE}`;
const BIN = join(import.meta.dirname, '../packages/bench/bin/mixerzoo.mjs');

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
  assertNotTaken(command, name);
  const rename = renamer({ [TEMPLATE]: name });
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

/** Configs know mixers by name. */
export function assertNotTaken(command, name) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, '--source', 'list', 'mixers', '--json'], {
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
