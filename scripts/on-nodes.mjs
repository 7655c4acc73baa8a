/**
 * `npm run on-nodes`: what differs by Node, on the newest 22, 24 and of all, whose binaries come from npm: each engine that is
 * built in starts without a word on standard error; tests of WebAssembly, of files, of threads and of processes (what is computed
 * is the same everywhere); a tiny experiment by the built command.
 * Versions as arguments narrow it: `npm run on-nodes -- 24`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const VERSIONS = ['22', '24', 'latest'];
const PLATFORM = process.platform === 'win32' ? 'win' : process.platform;
const PACKAGE = `node-${PLATFORM}-${process.arch}`;
/** WebAssembly and its threads, files, leases and processes: what Node does. */
const TESTS = [
  ...['engines/wasm', 'engines/engines', 'engines/stock', 'engines/tensorflow', 'ops/short-convolution'],
  ...['train/trainer', 'train/checkpoint', 'train/safetensors-files', 'train/params-file', 'train/yield'],
]
  .map((path) => `packages/core/src/${path}`)
  .concat(
    ['lease', 'queue', 'replace-file', 'start-worker', 'train-run', 'worker-pool'].map(
      (name) => `packages/bench/src/runs/${name}`,
    ),
  );
const START = `
import { useEngine, tf } from './packages/core/dist/index.js';
const { description } = await useEngine(process.argv[1]);
await tf.tidy(() => tf.matMul(tf.ones([2, 2]), tf.ones([2, 2]))).data();
console.log(description);
`;
const TINY = `
task: { task: mqar, vocabSize: 16, seqLen: 8, numKvPairs: 2 }
model: { dModel: 8 }
models: { CAT: { layers: [cat] }, Mamba: { layers: [mamba] } }
train: { epochs: 2, stepsPerEpoch: 2, batchSize: 4, validationExamples: 8, testExamples: 8 }
testLengths: [16]
`;

const scratch = mkdtempSync(join(tmpdir(), 'mixerzoo-nodes-'));
const wanted = process.argv.slice(2);
let failures = 0;
for (const version of wanted.length > 0 ? wanted : VERSIONS) {
  try {
    checkOn(install(version));
  } catch (error) {
    failures += 1;
    console.error(`Node ${version}: ${error.message}`);
  }
}
rmSync(scratch, { recursive: true, force: true });
process.exit(failures === 0 ? 0 : 1);

/** @returns the path of a node of this version. */
function install(version) {
  const directory = join(scratch, version);
  const args = ['install', '--prefix', directory, '--no-audit', '--no-fund', `${PACKAGE}@${version}`];
  const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' });
  if (status !== 0) throw new Error(`expected ${PACKAGE}@${version} from npm, got\n${stderr}`);
  return join(directory, 'node_modules', PACKAGE, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function checkOn(node) {
  const PATH = `${dirname(node)}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH, MIXERZOO_ENGINE: 'wasm' };
  const run = (what, args, options = {}) => {
    const done = spawnSync(node, args, { encoding: 'utf8', env, maxBuffer: 2 ** 28, ...options });
    if (done.status !== 0) throw new Error(`${what}: exit status ${done.status}\n${done.stdout}\n${done.stderr}`);
    return done;
  };
  const { stdout } = run('node', ['--version']);
  const version = stdout.trim();
  for (const engine of ['wasm', 'cpu']) {
    const started = run(engine, ['--input-type=module', '-e', START, engine]);
    if (started.stderr !== '') throw new Error(`${engine}: expected nothing on standard error, got\n${started.stderr}`);
    console.log(`${version}: ${engine}: ${started.stdout.trim()}`);
  }
  const out = join(scratch, version);
  const config = join(scratch, 'tiny.yaml');
  writeFileSync(config, TINY);
  run('tiny', ['packages/bench/bin/mixerzoo.mjs', 'run', config, '--out', out]);
  const counts = join(scratch, 'counts.json');
  run('tests', ['node_modules/vitest/vitest.mjs', 'run', ...TESTS], {
    env: { ...env, MIXERZOO_TEST_COUNTS: counts },
  });
  const { passed, skipped } = JSON.parse(readFileSync(counts, 'utf8')).count;
  console.log(`${version}: a tiny experiment ran; ${passed} tests passed, ${skipped} skipped`);
}
