/** The templates' types, as `npm run typecheck` checks those of packages: what a contributor is given compiles. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';

let status = 0;
for (const name of readdirSync('templates')) {
  // What is of projects outside is checked there: `npm run check:packages -- create-mixerzoo`.
  if (!['tsconfig.json', 'src'].every((entry) => existsSync(`templates/${name}/${entry}`))) continue;
  const cwd = resolve('templates', name);
  const run = (program, args) => spawnSync(process.execPath, [resolve(program), ...args], { cwd, stdio: 'inherit' });
  for (const done of [
    run('packages/core/bin/mixerzoo-kernels.mjs', []),
    run('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json', '--noEmit']),
  ]) {
    status ||= done.status ?? 1;
  }
}
process.exit(status);
