/**
 * `npm run check:many`: commands over a directory of thousands of finished runs. One tiny run is trained; its records, under the ids of
 * the others and with losses of their own, stand for the rest. Then `run` (all is done), `status` and `report` are timed, with
 * the largest resident set of each, and held to limits.
 *
 *   --runs 10000     how many, of 50 models; several sizes: 2000,10000
 *   --models 50      of how many models, so that what is compared is many
 *   --source         the command from source, not from dist
 *   --write          keeps the numbers in benchmarks/results/many-runs.json, and puts their table into docs/clusters.md
 *   --keep           leaves the directory, and says where it is
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tsImport } from 'tsx/esm/api';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    models: { type: 'string', default: '50' },
    source: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const MODELS = Number(options.models);
const RATES = [0.0003, 0.001, 0.003, 0.01];

/** What a command may take: seconds of the processor, MiB resident, MiB of the page. */
const LIMITS = { cpuSeconds: 60, peakMiB: 1000, pageMiB: 8 };

const bench = fileURLToPath(new URL('../packages/bench', import.meta.url));
const entry = options.source
  ? ['--conditions=@mixerzoo/source', '--import', import.meta.resolve('tsx'), join(bench, 'src/cli.ts')]
  : [join(bench, 'dist/cli.js')];

const config = (models, rates, seeds) => `
name: many
task: { task: mqar, vocabSize: 32, seqLen: 16, numKvPairs: 4 }
model: { dModel: 8 }
models:
${Array.from({ length: models }, (_, index) => `  Model ${index}: { layers: [attention], model: { embeddingStd: ${(0.02 + 0.001 * index).toFixed(3)} } }`).join('\n')}
learningRates: [${rates.join(', ')}]
seeds: [${Array.from({ length: seeds }, (_, seed) => seed).join(', ')}]
train: { batchSize: 4, epochs: 4, stepsPerEpoch: 5, validationExamples: 8, testExamples: 8 }
testLengths: [16, 32]
engine: wasm
`;

async function measure(count) {
  const cwd = join(work, String(count));
  mkdirSync(cwd);
  const seeds = Math.ceil(count / (MODELS * RATES.length));
  writeFileSync(join(cwd, 'many.yaml'), config(MODELS, RATES, seeds));
  const runs = await makeRuns(cwd);
  console.log(`${runs} finished runs of ${MODELS} models`);
  const commands = [];
  for (const args of [['run', 'many.yaml'], ['status'], ['report']]) {
    const { seconds, cpuSeconds, peakMiB } = await command(cwd, args);
    const pageMiB = args[0] === 'status' ? undefined : sizeOf(join(cwd, 'runs', 'many', 'report.html'));
    const numbers = { seconds, cpuSeconds, peakMiB, pageMiB };
    commands.push({ command: args[0], ...numbers });
    console.log(
      `  ${args[0]}: ${seconds} s (${cpuSeconds} s of the processor), at most ${peakMiB} MiB${pageMiB === undefined ? '' : `, page of ${pageMiB} MiB`}`,
    );
  }
  return { runs, models: MODELS, commands };
}

/** Trains one run, and writes it for all of the plan. @returns how many. */
async function makeRuns(cwd) {
  const sample = join(work, 'sample');
  mkdirSync(sample, { recursive: true });
  writeFileSync(join(sample, 'many.yaml'), config(1, RATES.slice(0, 1), 1));
  await command(sample, ['run', 'many.yaml']);
  const root = join(sample, 'runs/many');
  const trained = join(
    root,
    readdirSync(root).find((name) => /-s0-/.test(name)),
  );
  const lines = (name) => readFileSync(join(trained, name), 'utf8').trimEnd().split('\n').map(JSON.parse);
  const [environment, result] = ['environment', 'result'].map((name) =>
    JSON.parse(readFileSync(join(trained, `${name}.json`), 'utf8')),
  );
  const metrics = lines('metrics.jsonl');
  const { runs } = JSON.parse((await command(cwd, ['run', 'many.yaml', '--dry-run', '--json'])).stdout);
  for (const [index, { directory, config: planned }] of runs.entries()) {
    const factor = 1 + ((index * 7919) % 1000) / 2000;
    const vary = (evaluation) => ({ ...evaluation, loss: evaluation.loss * factor });
    const { id } = planned;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'config.json'), seal(planned));
    writeFileSync(join(directory, 'environment.json'), seal({ ...environment, id, seed: planned.seed }));
    writeFileSync(
      join(directory, 'metrics.jsonl'),
      metrics.map((record) => `${seal({ ...record, id, ...varyLosses(record, factor) })}\n`).join(''),
    );
    const { validation, test } = result;
    writeFileSync(
      join(directory, 'result.json'),
      seal({ ...result, id, validation: vary(validation), test: test.map(vary) }),
    );
  }
  return runs.length;
}

const varyLosses = (record, factor) =>
  Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) => (/loss$/i.test(name) ? [[name, value * factor]] : [])),
  );

/** A record as a run writes it: with the checksum over what it says. */
function seal({ checksum: _, ...record }) {
  const checksum = createHash('sha256').update(JSON.stringify(record)).digest('hex').slice(0, 16);
  return JSON.stringify({ ...record, checksum });
}

/** Runs the command, which must end well. */
async function command(cwd, args) {
  const usage = join(cwd, 'usage.json');
  const atExit = `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.resourceUsage())));`;
  const start = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(atExit)}`, ...entry, ...args],
    { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, MIXERZOO_THREADS: '1' } },
  );
  const [stdout, stderr] = [[], []];
  child.stdout.on('data', (chunk) => stdout.push(chunk));
  child.stderr.on('data', (chunk) => stderr.push(chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`${args.join(' ')}: expected exit code 0, got ${code}:\n${Buffer.concat(stderr)}`);
  const { maxRSS, userCPUTime, systemCPUTime } = JSON.parse(readFileSync(usage, 'utf8'));
  return {
    stdout: Buffer.concat(stdout).toString(),
    seconds: Number(seconds.toFixed(1)),
    cpuSeconds: Number(((userCPUTime + systemCPUTime) / 1e6).toFixed(1)),
    peakMiB: Math.round(maxRSS / 1024),
  };
}

const sizeOf = (path) => Number((statSync(path).size / 2 ** 20).toFixed(2));

const work = mkdtempSync(join(tmpdir(), 'mixerzoo-many-'));
try {
  const sizes = options.runs.split(',').map(Number);
  const measured = [];
  for (const runs of sizes) measured.push(await measure(runs));
  if (options.write) {
    const results = { cpu: cpus()[0].model, node: process.version, measured };
    const { MANY_RUNS_DOCUMENT, manyRunsMarkdown } = await tsImport(
      '../benchmarks/many-runs-table.ts',
      import.meta.url,
    );
    const { writeDocsTable } = await tsImport('../benchmarks/docs-table.ts', import.meta.url);
    await writeDocsTable('many-runs', results, manyRunsMarkdown(results), { path: MANY_RUNS_DOCUMENT });
  }
  const faults = measured.flatMap(({ runs, commands }) =>
    commands.flatMap(({ command, ...numbers }) =>
      Object.entries(LIMITS)
        .filter(([name, limit]) => numbers[name] > limit)
        .map(
          ([name, limit]) => `${command} over ${runs} runs: expected at most ${limit} ${name}, got ${numbers[name]}`,
        ),
    ),
  );
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  if (options.keep) console.log(`The runs are in ${work}.`);
  else rmSync(work, { recursive: true, force: true });
}
