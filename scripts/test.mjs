/**
 * `npm test`: every package's tests, from source, on the embedded engine; then those that hold an engine to its
 * contract (ops, mixers, model, training, golden vectors, equal losses) on every other engine this machine has. The
 * last line adds up all runs. With arguments: one run of vitest with them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findEngines } from './find-engines.mjs';

const OTHER_ENGINES = ['tensorflow', 'webgpu'];
/** A test file is about engines if it starts the one that is asked for. */
const ABOUT_ENGINES = /\bdescribe(Op|Mixer)\(|\buseEngine\(\)/;
/** Where starting the engine costs much, workers are kept. */
const VITEST_FLAGS = { webgpu: ['--config', 'scripts/vitest-engine.config.ts'] };

const shell = process.platform === 'win32';
const scratch = mkdtempSync(join(tmpdir(), 'mixerzoo-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
let status = 0;

const kernels = spawnSync('npm', ['run', '--silent', 'kernels'], { stdio: 'inherit', shell });
if (kernels.status !== 0) process.exit(kernels.status ?? 1);

const args = process.argv.slice(2);
runTests(process.env.MIXERZOO_ENGINE ?? 'wasm', args);
if (args.length === 0 && process.env.MIXERZOO_ENGINE === undefined) {
  const engines = findEngines();
  const files = testFiles();
  const filesAbout = (name) =>
    files.filter((file) => basename(file).startsWith(name) || ABOUT_ENGINES.test(readFileSync(file, 'utf8')));
  for (const name of OTHER_ENGINES) {
    const { available, summary } = engines.get(name) ?? { available: false, summary: 'could not be looked for' };
    console.log(`\n${name}: ${available ? `conformance on ${summary}` : 'not here'}`);
    if (available) {
      const environment = { MIXERZOO_ENGINE_FOUND: name };
      runTests(name, filesAbout(name), { environment, another: /software driver/.test(summary) });
    } else {
      console.log(`skipped 1: conformance on ${name}: ${summary}`);
      total.skipped += 1;
    }
  }
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\nall runs:\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(status || (total.failed > 0 ? 1 : 0));

/**
 * One run of vitest; its counts, which the reporter leaves in a file, go to the total. With `another`, files that failed
 * run again, each in a process of its own, which says so and counts instead: on a software driver a shader that is right
 * was seen to give wrong results all through a process, and in no other.
 */
function runTests(engine, filters, { environment = {}, another = false, flags = VITEST_FLAGS[engine] ?? [] } = {}) {
  const counts = join(scratch, `${engine}.json`);
  rmSync(counts, { force: true });
  const env = { ...process.env, MIXERZOO_ENGINE: engine, MIXERZOO_TEST_COUNTS: counts, ...environment };
  const run = spawnSync('npx', ['vitest', 'run', ...flags, ...filters], { stdio: 'inherit', shell, env });
  if (!existsSync(counts)) {
    total.failed += 1; // vitest ended before its reporter could count
    status ||= run.status || 1;
    return;
  }
  const { failedFiles, ...count } = JSON.parse(readFileSync(counts, 'utf8'));
  add(count, 1);
  const failed = Object.keys(failedFiles);
  if (another && failed.length > 0) {
    console.log(
      `\n${engine}: ${count.failed} failed on a software driver. Their files again, in processes of their own:`,
    );
    for (const file of failed) add(failedFiles[file], -1);
    runTests(engine, failed, { environment, flags: [] });
  } else status ||= run.status ?? 1;
}

function add(count, times) {
  for (const name of Object.keys(total)) total[name] += times * count[name];
}

function testFiles() {
  return readdirSync('packages').flatMap((name) => {
    const source = join('packages', name, 'src');
    const files = readdirSync(source, { recursive: true }).filter((file) => file.endsWith('.test.ts'));
    return files.map((file) => join(source, file));
  });
}
