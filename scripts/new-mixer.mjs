/**
 * `npm run new:mixer <name>`: copies templates/mixer to packages/<name>, with the template's name replaced.
 * Nothing else changes: the command and the golden runner find packages by what they export.
 */

import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const name = process.argv[2];
if (!name || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  console.error(`new:mixer: expected a name in kebab-case, got '${name ?? ''}'. Example: npm run new:mixer gated-mean`);
  process.exit(2);
}
const target = join('packages', name);
if (existsSync(target)) {
  console.error(`new:mixer: expected a new name, got '${name}', which packages/ has already.`);
  process.exit(2);
}

const camel = name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const pascal = camel[0].toUpperCase() + camel.slice(1);
const renamed = (text) =>
  text
    .replaceAll('causal-mean', name)
    .replaceAll('causalMean', camel)
    .replaceAll('CausalMean', pascal)
    .replaceAll('Causal mean', pascal);

await cp('templates/mixer', target, { recursive: true, filter: (source) => !/node_modules|dist|\.turbo/.test(source) });
for (const entry of await readdir(target, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = join(entry.parentPath, entry.name);
  await writeFile(file, renamed(await readFile(file, 'utf8')));
  await rename(file, join(entry.parentPath, renamed(entry.name)));
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
