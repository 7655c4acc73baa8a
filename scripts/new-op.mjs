/**
 * `npm run new:op <package> <name>`: an op in packages/<package>/src/ops/<name> that passes its tests: its reference form, which
 * gradients come from. `-- --kernel` adds kernels for the wasm engine, forward and gradient.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPLATES } from '../packages/create-mixerzoo/src/places.mjs';
import {
  assertName,
  printNext,
  refuse,
  renamer,
  renderTemplate,
  writeFiles,
} from '../packages/create-mixerzoo/src/scaffold.mjs';

const COMMAND = 'new:op';
const TEMPLATE = 'decayed-sum';

const args = process.argv.slice(2);
const [packageName, name, ...rest] = args.filter((argument) => argument !== '--kernel');
const kernel = args.includes('--kernel');
// Core's own modules do not import the package: an op there is written after its neighbour.
const packages = readdirSync('packages').filter(
  (directory) => directory !== 'core' && existsSync(join('packages', directory, 'src')),
);
if (!packages.includes(packageName)) {
  refuse(COMMAND, `a package and a name, got '${packageName ?? ''}'. Packages: ${packages.join(', ')}.`);
}
if (rest.length > 0)
  refuse(COMMAND, `a package and a name, got '${args.join(' ')}'. Example: npm run new:op gla decayed-sum`);
const template = join(TEMPLATES, 'op/src/ops/decayed-sum');
if (name !== TEMPLATE) assertName(COMMAND, name, template, TEMPLATE);
const target = join('packages', packageName, 'src/ops', name);
if (existsSync(target)) refuse(COMMAND, `a new name, got '${name}', which ${target} has already.`);

const files = renderTemplate(template, renamer({ [TEMPLATE]: name }));
if (!kernel) {
  for (const file of ['wasm.ts', 'kernel.as.ts']) files.delete(file);
  const index = files.get('index.ts').replaceAll(/^.*(\bwasm\b|\bsaved: ).*\n/gm, '');
  files.set('index.ts', index.replace('Outputs, Outputs>', 'Outputs>'));
}
writeFiles(target, files);
if (kernel) addKernelScript(join('packages', packageName, 'package.json'));

printNext(target, {
  [`npx vitest run ${target}`]: 'its tests: describeOp holds kernel and gradient to the reference form',
  [`edit ${join(target, 'reference.ts')}`]: 'your equations, in plain tf: inputs and outputs are named in types.ts',
  ...(kernel && {
    [`edit ${join(target, 'kernel.as.ts')}`]:
      'packages/core/assembly/README.md has what kernels are made of; tests compile it',
  }),
});

/** A package with a kernel compiles it before it is built. */
function addKernelScript(file) {
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  if (manifest.scripts?.kernels) return;
  manifest.scripts = { kernels: 'mixerzoo-kernels', ...manifest.scripts };
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}
