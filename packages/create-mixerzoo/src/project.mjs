/** A package of its own from the templates: which of them make one of each kind, and its manifest. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPLATES, versions } from './places.mjs';
import { nameFault, renamer, renderTemplate, writeFiles } from './scaffold.mjs';

/**
 * The kinds of projects: the directories of templates they are made of, of which later ones count, and the name that their code has.
 * `also` names what comes along under a name made of the new one.
 */
const KINDS = {
  mixer: { layers: ['mixer', 'alone', 'mixer-alone'], from: 'causal-mean' },
  kernel: {
    layers: ['mixer', 'op', 'alone', 'mixer-alone', 'mixer-kernel'],
    from: 'causal-mean',
    also: { 'decayed-sum': (name) => `${name}-sum` },
  },
  task: { layers: ['task', 'alone', 'task-alone'], from: 'first-token' },
};

/** Files of the repository's templates that a package of its own has in another form. */
const OF_REPOSITORY = /^(package\.json|tsconfig.*\.json|tsup\.config\.ts|vitest\.config\.ts|LICENSE)$/;
/** Templates that are parts of the repository. */
const IN_REPOSITORY = ['mixer', 'op', 'task'];
/** Files that npm would take for its own where they lie. */
const NAMES = { 'ignored-by-git': '.gitignore' };
/** What becomes package.json: of several templates each adds its own. */
const MANIFEST = 'manifest.json';

/** What speaks against such a project: the end of a sentence that begins with "expected". Undefined where nothing does. */
export function projectFault({ kind, name, target = name }) {
  const { layers, from } = KINDS[kind];
  const templates = layers.map((layer) => join(TEMPLATES, layer)).filter((directory) => existsSync(directory));
  const fault = nameFault(name, templates, from);
  if (fault === undefined && existsSync(target)) return `a new directory, got '${target}', which is there.`;
  return fault;
}

/**
 * Writes a project that {@link projectFault} has nothing against.
 *
 * @returns the commands that come next, with what each does.
 */
export function writeProject({ kind, name, target = name }) {
  writeFiles(target, filesOf(kind, name));
  return {
    [`cd ${target} && npm install`]: 'core, the command, TypeScript and vitest',
    'npm test': `its tests: ${kind === 'task' ? 'describeTask' : 'describeMixer'} holds it to the contract`,
    [`edit src/${name}.ts`]: kind === 'task' ? 'your examples' : 'your equations',
    ...(kind === 'kernel' && {
      [`edit src/ops/${name}-sum`]: 'its op: the reference form, and the kernel that is held to it',
    }),
    'npx mixerzoo run experiment.config.ts':
      kind === 'task' ? 'trains two mixers of the zoo on it' : 'trains it beside CAT, in less than a minute',
  };
}

/** The files of a project, by path. */
function filesOf(kind, name) {
  const { layers, from, also = {} } = KINDS[kind];
  const others = Object.entries(also).map(([template, named]) => [template, named(name)]);
  const rename = renamer({ [from]: name, ...Object.fromEntries(others) });
  const own = (text) => rename(text.replaceAll(`@mixerzoo/${from}`, `mixerzoo-${from}`));
  const files = new Map();
  const manifests = [];
  for (const layer of layers) {
    for (const [file, text] of renderTemplate(join(TEMPLATES, layer), own)) {
      if (IN_REPOSITORY.includes(layer) && OF_REPOSITORY.test(file)) continue;
      if (file === MANIFEST) manifests.push(JSON.parse(text));
      else files.set(NAMES[file] ?? file, text);
    }
  }
  const filled = JSON.stringify(manifests.reduce(merged, {}), null, 2).replaceAll(
    /\$(CORE|BENCH|TASKS|ZOD)\b/g,
    (_, which) => versions()[which],
  );
  files.set('package.json', `${filled}\n`);
  return files;
}

/** A manifest with what another adds: keys of its objects stand beside those that are there. */
function merged(manifest, more) {
  const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = Object.entries(more).map(([key, value]) => [
    key,
    isObject(value) && isObject(manifest[key]) ? { ...manifest[key], ...value } : value,
  ]);
  return { ...manifest, ...Object.fromEntries(entries) };
}
