/** Where the templates are, and which versions new projects name: in the repository, or in the published package. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** The script that makes `dist` is not published. */
const inRepository = existsSync(path('../scripts/bundle.mjs'));

/** The directory of templates; the ones of the package are a copy that its build makes. */
export const TEMPLATES = path(inRepository ? '../../../templates' : '../dist/templates');

/** What stands for `$CORE`, `$BENCH`, `$TASKS` and `$ZOD` in a template's manifest: ranges of what is published with this version. */
export function versions() {
  return inRepository ? versionsIn(path('../..')) : readJson(path('../dist/versions.json'));
}

/** The same from the packages of the repository. */
export function versionsIn(packages) {
  const manifest = (name) => readJson(join(packages, name, 'package.json'));
  const range = (name) => `^${manifest(name).version}`;
  return { CORE: range('core'), BENCH: range('bench'), TASKS: range('tasks'), ZOD: manifest('core').dependencies.zod };
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
