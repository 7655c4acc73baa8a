/**
 * `npm run check:kills`: an experiment of two runs, failed at every change it makes to its directory, in the command and in
 * its workers: kill -9, a torn write and kill -9, no room on the disk. After each the same command must give what an
 * uninterrupted one gives, leave nothing behind, and train nothing twice.
 *
 *   --source      the command from source, not from dist
 *   --sample 6    so many points of the matrix, spread over it
 *   --jobs 2      points at a time
 *   --only <text> points whose name holds the text: 'worker 12 kill', 'checkpoint'
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    source: { type: 'boolean', default: false },
    sample: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
  },
});

const bench = fileURLToPath(new URL('../packages/bench', import.meta.url));
const entry = options.source
  ? ['--conditions=@mixerzoo/source', '--import', loader(), join(bench, 'src/cli.ts')]
  : [join(bench, 'dist/cli.js')];
const failAt = new URL('fail-at.mjs', import.meta.url).href;

function loader() {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}

const CONFIG = `
name: kills
task: { task: mqar, vocabSize: 32, seqLen: 16, numKvPairs: 4 }
model: { dModel: 8 }
models: { One: { layers: [attention] } }
seeds: [0, 1]
train: { batchSize: 4, epochs: 2, stepsPerEpoch: 3, validationExamples: 8, testExamples: 8 }
engine: wasm
`;

const work = mkdtempSync(join(tmpdir(), 'mixerzoo-kills-'));

function newProject(name) {
  const directory = join(work, name.replaceAll(' ', '-'));
  mkdirSync(directory);
  writeFileSync(join(directory, 'kills.yaml'), CONFIG);
  return directory;
}

/** Runs the command. @returns its exit code, null for one that was killed, and what it said. */
async function command(cwd, failure = {}) {
  const child = spawn(process.execPath, ['--import', failAt, ...entry, 'run', 'kills.yaml', '--workers', '1'], {
    cwd,
    env: { ...process.env, MIXERZOO_THREADS: '1', FAIL_ROOT: join(cwd, 'runs'), ...failure },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  // Not when its output closes, which a worker that outlives it may hold.
  const code = await new Promise((done) => child.on('exit', done));
  return { code, output };
}

/** Names of what depends on the clock, the memory or chance, and of checksums over it. */
const VOLATILE = /seconds|memory|generation|sha256|checksum|tokens|time|leaseid/i;
const CLOCK = /(At|Ms)$/;
const isVolatile = (name) => VOLATILE.test(name) || CLOCK.test(name);

function steady(value) {
  if (Array.isArray(value)) return value.map(steady);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (isVolatile(key) ? [] : [[key, steady(inner)]])),
  );
}

/** A table without its volatile columns; lines that are no rows stay. */
function steadyTable(text, separator) {
  const rows = text.split('\n').map((line) => line.split(separator));
  const head = rows.find((row) => row.length > 2) ?? [];
  return rows.map((row) => (row.length === head.length ? row.filter((_, column) => !isVolatile(head[column])) : row));
}

/** What a file says that an interruption must not change. */
function content(path) {
  if (path.endsWith('.html')) return readFileSync(path, 'utf8').trimEnd().endsWith('</html>');
  if (path.endsWith('.json')) return steady(JSON.parse(readFileSync(path, 'utf8')));
  if (path.endsWith('.jsonl')) {
    return readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => steady(JSON.parse(line)));
  }
  if (path.endsWith('.csv')) return steadyTable(readFileSync(path, 'utf8'), ',');
  if (path.endsWith('.md')) return steadyTable(readFileSync(path, 'utf8'), '|');
  return readFileSync(path, 'hex');
}

/** Every file below a directory, by its path, with its content. */
function snapshot(cwd) {
  const root = join(cwd, 'runs');
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.sort().map((path) => [relative(root, path), content(path)]));
}

/** When each run that is done was finished. */
function finished(cwd) {
  const root = join(cwd, 'runs');
  const times = new Map();
  let names;
  try {
    names = readdirSync(root, { recursive: true });
  } catch {
    return times; // killed before it was made
  }
  for (const name of names.filter((path) => path.endsWith('result.json'))) {
    const result = JSON.parse(readFileSync(join(root, name), 'utf8'));
    if (result.status === 'done') times.set(name, result.finishedAt);
  }
  return times;
}

/** @returns what is wrong after a failure and the same command again, undefined for nothing. */
async function faultAfter({ role, at, how }, cwd, reference) {
  const failure = { FAIL_ROLE: role, FAIL_AT: String(at), FAIL_HOW: how, FAIL_ONCE: join(cwd, 'failed') };
  const { code, output } = await command(cwd, failure);
  // Killed; a worker that was is started again; a full disk is the failure of a run, or no directory to begin with.
  const expected = how === 'full' ? [1, 2] : [role === 'command' ? null : 0];
  if (!expected.includes(code)) return `the failure: expected exit code ${expected}, got ${code}.\n${output}`;
  return faultOfResumed(cwd, reference);
}

async function faultOfResumed(cwd, reference) {
  const before = finished(cwd);
  const { code, output } = await command(cwd);
  if (code !== 0) return `the same command again: expected exit code 0, got ${code}.\n${output}`;
  const after = finished(cwd);
  for (const [run, time] of before) if (after.get(run) !== time) return `${run}: trained twice`;
  const found = snapshot(cwd);
  for (const name of new Set([...reference.keys(), ...found.keys()])) {
    if (!reference.has(name)) return `${name}: left behind`;
    if (!found.has(name)) return `${name}: missing`;
    if (!isDeepStrictEqual(found.get(name), reference.get(name))) {
      return `${name}: expected ${short(reference.get(name))}, got ${short(found.get(name))}`;
    }
  }
  return undefined;
}

const short = (value) => JSON.stringify(value).slice(0, 2000);

/** Every way to fail at every change that the uninterrupted command makes. */
function pointsOf(log) {
  const points = [];
  for (const role of ['command', 'worker']) {
    const lines = log.filter((line) => line.startsWith(`${role} `));
    const [, pid] = lines[0].split(' '); // of several workers the first: each does the same
    const changes = lines.filter((line) => line.split(' ')[1] === pid);
    for (const [index, line] of changes.entries()) {
      const [, , bytes, ...what] = line.split(' ');
      const ways = [
        'kill',
        ...(bytes === 'bytes' ? ['torn'] : []),
        ...(/^(rm|rmdir|unlink|utimes) /.test(what.join(' ')) ? [] : ['full']),
      ];
      for (const how of ways) points.push({ role, at: index + 1, how, what: what.join(' ') });
    }
  }
  return points;
}

/** A disk that is really full: a small one in memory, given room afterwards. */
async function checkFullDisks(reference) {
  const faults = [];
  for (const kilobytes of [4, 16, 40, 64, 96, 128]) {
    const cwd = newProject(`disk ${kilobytes}`);
    const mountPoint = join(cwd, 'runs');
    mkdirSync(mountPoint);
    const mount = (how) => spawnSync('mount', ['-t', 'tmpfs', '-o', how, 'tmpfs', mountPoint]).status === 0;
    if (!mount(`size=${kilobytes}k`)) {
      console.log('No small disk can be mounted here (it takes root): a disk that is really full is not tried.');
      break;
    }
    try {
      const { code } = await command(cwd);
      mount('remount,size=16m');
      const fault = code === 0 ? undefined : await faultOfResumed(cwd, reference);
      console.log(`disk of ${kilobytes} KiB: exit code ${code}, then ${fault ?? 'as uninterrupted'}`);
      if (fault) faults.push(`disk of ${kilobytes} KiB: ${fault}`);
    } finally {
      spawnSync('umount', [mountPoint]);
    }
  }
  return faults;
}

const nameOf = ({ role, at, how, what }) => `${role} ${at} ${how} (${what})`;

const plain = newProject('uninterrupted');
const log = join(work, 'changes.log');
const first = await command(plain, { FAIL_LOG: log });
if (first.code !== 0)
  throw new Error(`the uninterrupted command: expected exit code 0, got ${first.code}.\n${first.output}`);
const reference = snapshot(plain);

let points = pointsOf(readFileSync(log, 'utf8').trimEnd().split('\n')).filter((point) =>
  nameOf(point).includes(options.only),
);
if (options.sample !== undefined) {
  const count = Math.min(points.length, Number(options.sample));
  points = Array.from({ length: count }, (_, index) => points[Math.floor(((index + 0.5) * points.length) / count)]);
}
console.log(`${points.length} points`);

const start = performance.now();
const faults = [];
let next = 0;
async function takePoints() {
  for (;;) {
    const point = points[next++];
    if (!point) return;
    const cwd = newProject(`${point.role} ${point.at} ${point.how}`);
    const fault = await faultAfter(point, cwd, reference).catch((error) => error.stack);
    if (fault) {
      faults.push(`${nameOf(point)}: ${fault}`);
      console.log(`FAILED ${faults.at(-1)}`);
    } else rmSync(cwd, { recursive: true, force: true });
  }
}
await Promise.all(Array.from({ length: Number(options.jobs) }, takePoints));
if (options.sample === undefined && options.only === '') faults.push(...(await checkFullDisks(reference)));

const minutes = ((performance.now() - start) / 60_000).toFixed(1);
console.log(
  `${points.length} points in ${minutes} minutes: ${points.length - faults.length} as uninterrupted, ${faults.length} not`,
);
if (faults.length === 0) rmSync(work, { recursive: true, force: true });
else console.log(`Their directories are in ${resolve(work)}.`);
process.exit(faults.length === 0 ? 0 : 1);
