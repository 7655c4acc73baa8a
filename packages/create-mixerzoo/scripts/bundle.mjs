/** `npm run bundle`: the repository's templates, and the versions that new projects name, into `dist`. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { versionsIn } from '../src/places.mjs';

const HERE = import.meta.dirname;
const dist = `${HERE}/../dist`;
rmSync(dist, { recursive: true, force: true });
cpSync(`${HERE}/../../../templates`, `${dist}/templates`, {
  recursive: true,
  // A nested package.json is no package's; what is generated is made anew.
  filter: (path) => !/node_modules|\.turbo|\.generated\.|[\\/]package\.json$/.test(path),
});
writeFileSync(`${dist}/versions.json`, `${JSON.stringify(versionsIn(`${HERE}/../..`), null, 2)}\n`);
