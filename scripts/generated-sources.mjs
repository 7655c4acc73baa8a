/**
 * Before any test: what is generated from sources is there. In a checkout in which nothing was made yet, `npm run kernels` makes
 * it, once, in place of a module that is not found in every test.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Modules without a source of their own beside them. */
const BUNDLED = ['packages/core/src/tf-registrations.generated.ts'];

export default function generateSources() {
  ensureSources(ROOT, () => {
    const shell = process.platform === 'win32';
    return spawnSync('npm', ['run', '--silent', 'kernels'], { cwd: ROOT, stdio: 'inherit', shell }).status === 0;
  });
}

/**
 * @param generate - makes all generated sources; whether it could.
 * @throws Error that names the first that is missing still.
 */
export function ensureSources(root, generate) {
  const [missing] = missingSources(root);
  if (missing === undefined) return;
  console.log(`${missing} is not there yet: npm run kernels`);
  const made = generate();
  const [still] = missingSources(root);
  if (made && still === undefined) return;
  throw new Error(
    `expected 'npm run kernels' to make ${still ?? missing}, got a failure. Run it by itself, and 'npm install' before, to see why.`,
  );
}

/** Generated modules that are not there, from `root`. */
export function missingSources(root) {
  const entries = readdirSync(join(root, 'packages')).flatMap((name) => {
    const source = join('packages', name, 'src');
    const files = existsSync(join(root, source)) ? readdirSync(join(root, source), { recursive: true }) : [];
    return files.filter((file) => basename(file) === 'kernel.as.ts').map((file) => join(source, file));
  });
  const generated = entries.map((entry) => entry.replace(/\.as\.ts$/, '.generated.ts'));
  return [...BUNDLED, ...generated].filter((file) => !existsSync(join(root, file)));
}
