/**
 * `mixerzoo --source …`: the command from the sources of this repository, kernels compiled first if they changed, and TensorFlow.js's
 * gradients bundled if they are not there. No build.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = new URL('../../', import.meta.url);
const ENTRY = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const COMPILER = new URL('core/bin/compile-kernel.mjs', PACKAGES);
const BUNDLE = fileURLToPath(new URL('core/src/tf-registrations.generated.ts', PACKAGES));
const BUNDLER = fileURLToPath(new URL('core/scripts/bundle-tfjs.mjs', PACKAGES));

/** Runs the command with these arguments. The process ends as it does. */
export async function runFromSource(args) {
  if (!existsSync(ENTRY) || !existsSync(COMPILER)) {
    console.error(`mixerzoo: --source: expected sources in ${ENTRY}, got an installed package. Leave --source out.`);
    process.exit(2);
  }
  if (!existsSync(BUNDLE) && spawnSync(process.execPath, [BUNDLER], { stdio: ['ignore', 2, 2] }).status !== 0) {
    console.error(
      `mixerzoo: --source: expected ${BUNDLER} to write ${BUNDLE}, got a failure. Run \`npm install\` first.`,
    );
    process.exit(2);
  }
  const { ensureKernels } = await import(COMPILER.href);
  for (const name of readdirSync(PACKAGES)) {
    for (const file of await ensureKernels(fileURLToPath(new URL(name, PACKAGES))))
      console.error(`compiled ${relative('.', file)}`);
  }
  const flags = ['--conditions=@mixerzoo/source', '--import', import.meta.resolve('tsx')];
  const child = spawn(process.execPath, [...flags, ENTRY, ...args], { stdio: 'inherit' });
  // Of a terminal's Ctrl-C the command has heard itself.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
