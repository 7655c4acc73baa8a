/**
 * `npm test`: every package's tests, from source, on the embedded engine; then those that hold an engine to its
 * contract (ops, mixers, model, training, golden vectors, equal losses) on every other engine this machine has, and those of
 * kernels on the embedded one with its native kernels. Each run says how long it took; the last lines name what failed and add up all.
 * With arguments: one run of vitest with them.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findEngines } from './find-engines.mjs';

const OTHER_ENGINES = ['tensorflow', 'webgpu'];
/** A test file is about engines if it starts the one that is asked for. */
const ABOUT_ENGINES = /\bdescribe(Op|Mixer)\(|\buseEngine\(\)/;
/**
 * One that native kernels may change: tests of ops, suites of mixers, numbers of all mixers. Those of the addon itself (`native*`) give it
 * memory of their own, which the files after them in a worker would meet; the first run has them.
 */
const ABOUT_KERNELS = /^.*\bops\b|\bdescribe(Op|Mixer)\(|\bcomparableLosses\(|\breadGolden\(/;
/** One engine, whose workers are kept from file to file. */
const ONE_ENGINE = ['--config', 'scripts/vitest-engine.config.ts'];

const shell = process.platform === 'win32';
const scratch = mkdtempSync(join(tmpdir(), 'mixerzoo-test-'));
/** What reference forms give, which the run on the embedded engine leaves for the others (core/src/testing/recorded-references.ts). */
const references = join(scratch, 'references');
mkdirSync(references);
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
let status = 0;

const kernels = spawnSync('npm', ['run', '--silent', 'kernels'], { stdio: 'inherit', shell });
if (kernels.status !== 0) process.exit(kernels.status ?? 1);

const args = process.argv.slice(2);
const everything = args.length === 0 && process.env.MIXERZOO_ENGINE === undefined;
const recording = everything ? { MIXERZOO_RECORD_REFERENCES: references } : {};
timed('all packages', () => runTests(process.env.MIXERZOO_ENGINE ?? 'wasm', args, recording));
if (everything) {
  const engines = findEngines();
  const files = testFiles();
  const isAbout = (about, file) => about.test(`${file}\n${readFileSync(file, 'utf8')}`);
  const filesAbout = (name) => files.filter((file) => basename(file).startsWith(name) || isAbout(ABOUT_ENGINES, file));
  const filesAboutKernels = files.filter(
    (file) => !basename(file).startsWith('native') && isAbout(ABOUT_KERNELS, file),
  );
  const conform = (name, { available, summary }, run) => {
    console.log(`\n${name}: ${available ? `conformance on ${summary}` : 'not here'}`);
    if (available) timed(name, run);
    else {
      console.log(`skipped 1: conformance on ${name}: ${summary}`);
      total.skipped += 1;
    }
  };
  const { summary } = engines.get('wasm') ?? { summary: 'could not be looked for' };
  conform('wasm with native kernels', { available: summary.includes('native kernels ('), summary }, () =>
    runOn('wasm', filesAboutKernels, { MIXERZOO_NATIVE: '1' }),
  );
  for (const name of OTHER_ENGINES) {
    const found = engines.get(name) ?? { available: false, summary: 'could not be looked for' };
    conform(name, found, () => runOn(name, filesAbout(name), { MIXERZOO_ENGINE_FOUND: name }));
  }
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\nall runs:${failures.map((failure) => `\n${failure}`).join('')}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(status);

function timed(what, run) {
  const began = performance.now();
  run();
  console.log(`${what}: ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
}

/** The conformance of an engine, held to the references that were recorded. */
function runOn(engine, files, environment) {
  runTests(engine, [...ONE_ENGINE, ...files], { MIXERZOO_REFERENCES: references, ...environment });
}

/** One run of vitest; its counts, which the reporter leaves in a file, go to the total. */
function runTests(engine, args, environment) {
  const counts = join(scratch, `${engine}.json`);
  const env = { ...process.env, MIXERZOO_ENGINE: engine, MIXERZOO_TEST_COUNTS: counts, ...environment };
  rmSync(counts, { force: true });
  const run = spawnSync('npx', ['vitest', 'run', ...args], { stdio: 'inherit', shell, env });
  status ||= run.status ?? 1;
  try {
    const found = JSON.parse(readFileSync(counts, 'utf8'));
    for (const [name, count] of Object.entries(found.count)) total[name] += count;
    failures.push(...found.failures.map((failure) => `${failure} (${engine})`));
  } catch {
    total.failed += 1; // vitest ended before its reporter could count
    failures.push(`failed: vitest ended without its counts (${engine})`);
  }
}

function testFiles() {
  return readdirSync('packages').flatMap((name) => {
    const source = join('packages', name, 'src');
    const files = readdirSync(source, { recursive: true }).filter((file) => file.endsWith('.test.ts'));
    return files.map((file) => join(source, file));
  });
}
