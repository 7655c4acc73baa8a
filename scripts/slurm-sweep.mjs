/**
 * `npm run check:slurm`: a sweep on a real Slurm of this one machine, which it starts and ends: munged, slurmctld, slurmd. The sweep
 * is submitted as an array; a task is killed (`scancel --signal=KILL`) and requeued, a worker is killed (kill -9), a task is told that
 * its time is up (SIGUSR1). In the end every run has the numbers of one process that did them all, and none was trained twice.
 * It takes root, and Debian's `slurm-wlm` and `munge`; without them, or where they do not start, it says so and ends well.
 *
 *   --runs 60   of the sweep
 *   --source    the command from source, not from dist
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { cpus, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '60' }, source: { type: 'boolean', default: false } },
});
const RUNS = Number(options.runs);
const TASKS = 3;
/** A machine that does much else takes long; what hangs is ended all the same. */
const PATIENCE_MS = 1_200_000;
const START_MS = 90_000;

const bench = fileURLToPath(new URL('../packages/bench', import.meta.url));
const entry = options.source
  ? ['--conditions=@mixerzoo/source', '--import', import.meta.resolve('tsx'), join(bench, 'src/cli.ts')]
  : [join(bench, 'dist/cli.js')];

const sweep = (epochs) => `
name: sweep
task: { task: mqar, vocabSize: 32, seqLen: 16, numKvPairs: 4 }
model: { dModel: 16 }
models: { One: { layers: [attention] } }
seeds: [${Array.from({ length: RUNS }, (_, seed) => seed).join(', ')}]
train: { batchSize: 8, epochs: ${epochs}, stepsPerEpoch: 20, validationExamples: 16, testExamples: 16 }
engine: wasm
`;

const reason = whyNot();
if (reason) {
  console.log(`skipped: ${reason}`);
  process.exit(0);
}
const work = mkdtempSync(join(tmpdir(), 'mixerzoo-slurm-'));
const daemons = [];
let slurmEnv;
try {
  await check();
} finally {
  // Tasks of a check that has failed outlive their daemons, and write where things are removed.
  if (slurmEnv) spawnSync('scancel', ['--user=root', '--signal=KILL', '--full'], { env: slurmEnv });
  await sleep(1000);
  for (const daemon of daemons.reverse()) daemon.kill('SIGTERM');
  await sleep(1000);
  for (const daemon of daemons) daemon.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}

function whyNot() {
  if (process.platform !== 'linux') return 'Slurm runs on Linux';
  if (process.getuid() !== 0) return 'starting a Slurm takes root';
  const programs = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'scancel', 'squeue', 'scontrol'];
  const missing = programs.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} not found (Debian: apt-get install slurm-wlm munge)`;
}

async function check() {
  const env = await startSlurm().catch((error) => {
    console.log(`skipped: Slurm does not start here: ${error.message}`);
  });
  if (!env) return;
  slurmEnv = env;
  const slurm = (program, ...args) => execFileSync(program, args, { env, encoding: 'utf8' }).trim();
  const [cwd, alone] = ['slurm', 'alone'].map((name) => {
    const directory = join(work, name);
    mkdirSync(directory);
    writeFileSync(join(directory, 'sweep.yaml'), sweep(10));
    return directory;
  });
  const mixerzoo = (where, ...args) =>
    spawnSync(process.execPath, [...entry, ...args], { cwd: where, env, encoding: 'utf8' });

  const start = performance.now();
  const submitted = mixerzoo(
    cwd,
    'submit',
    'sweep.yaml',
    '--slurm',
    '--tasks',
    String(TASKS),
    '--time',
    '10',
    '--submit',
  );
  if (submitted.status !== 0)
    throw new Error(`submit: expected exit code 0, got ${submitted.status}:\n${submitted.stderr}`);
  const job = /Submitted batch job (\d+)/.exec(submitted.stdout)[1];
  console.log(`job ${job}: ${RUNS} runs, ${TASKS} tasks`);

  await until(() => doneIn(cwd) >= RUNS / 6, 'runs are done');
  slurm('scancel', '--signal=KILL', '--full', `${job}_0`);
  console.log(`${doneIn(cwd)} done: killed task 0`);
  await until(
    () => !slurm('squeue', '--noheader', '--array', '--states=running', '--format=%i').split('\n').includes(`${job}_0`),
    'task 0 has ended',
  );
  slurm('scontrol', 'requeue', `${job}_0`);

  await until(() => doneIn(cwd) >= RUNS / 3, 'more runs are done');
  await until(() => killWorker(cwd), 'a worker is at work');
  console.log(`${doneIn(cwd)} done: killed a worker`);

  await until(() => doneIn(cwd) >= RUNS / 2, 'half of the runs are done');
  let running;
  await until(() => {
    [running] = slurm('squeue', '--noheader', '--array', '--states=running', '--format=%i').split('\n');
    return running;
  }, 'a task is running');
  slurm('scancel', '--signal=USR1', '--batch', running);
  console.log(`${doneIn(cwd)} done: told task ${running} that its time is up`);

  await until(() => {
    const waiting = slurm('squeue', '--noheader', '--array', '--states=pending', '--format=%i').split('\n');
    // What is requeued waits for two minutes, so that a broken node is not tried again and again.
    for (const id of waiting.filter(Boolean))
      spawnSync('scontrol', ['update', `jobid=${id}`, 'starttime=now'], { env });
    return slurm('squeue', '--noheader', '--array', '--format=%i') === '';
  }, 'the queue is empty');
  const logs = readdirSync(join(cwd, 'runs/sweep/submission')).filter((name) => name.endsWith('.log'));
  const said = logs.map((name) => readFileSync(join(cwd, 'runs/sweep/submission', name), 'utf8')).join('\n');
  console.log(`The queue is empty after ${Math.round((performance.now() - start) / 1000)} s.`);

  const whole = mixerzoo(alone, 'run', 'sweep.yaml');
  if (whole.status !== 0) throw new Error(`run: expected exit code 0, got ${whole.status}:\n${whole.stderr}`);
  const [found, expected] = [numbersIn(cwd), numbersIn(alone)];
  const wrong = [...expected].filter(([name, numbers]) => !isDeepStrictEqual(found.get(name), numbers));
  if (found.size !== RUNS || wrong.length > 0) {
    throw new Error(
      `expected the numbers of one process for ${RUNS} runs, got ${found.size} runs, others for ${wrong.map(([name]) => name).join(', ')}.\n${said}`,
    );
  }
  const trained = said.match(/^\[\d+\/\d+\] .*: validation /gm) ?? [];
  const names = trained.map((line) => /\] (.*?): /.exec(line)[1]);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0) throw new Error(`expected every run trained once, got twice: ${twice.join(', ')}.\n${said}`);
  const status = JSON.parse(mixerzoo(cwd, 'status', '--json').stdout);
  const states = new Set(status.plans[0].runs.map(({ state }) => state));
  if (!isDeepStrictEqual(states, new Set(['done']))) throw new Error(`status: expected all done, got ${[...states]}.`);
  console.log(`${RUNS} runs: each with the numbers of one process, bit for bit; none trained twice.`);
}

/** Starts the three daemons on ports and keys of their own. @returns the environment of a user of it. */
async function startSlurm() {
  for (const name of ['state', 'spool', 'log', 'munge']) mkdirSync(join(work, name), { mode: 0o755 });
  const key = join(work, 'munge', 'key');
  writeFileSync(key, randomBytes(1024), { mode: 0o400 });
  const socket = join(work, 'munge', 'socket');
  const files = ['pid', 'log', 'seed'].map((name) => `--${name}-file=${join(work, 'munge', name)}`);
  daemon('munged', ['--foreground', '--force', `--key-file=${key}`, `--socket=${socket}`, ...files]);
  const [controller, node] = [await freePort(), await freePort()];
  const host = hostname().split('.')[0];
  const config = join(work, 'slurm.conf');
  writeFileSync(
    config,
    `ClusterName=mixerzoo
SlurmctldHost=${host}
SlurmctldPort=${controller}
SlurmdPort=${node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${socket}
CredType=cred/munge
StateSaveLocation=${work}/state
SlurmdSpoolDir=${work}/spool
SlurmctldPidFile=${work}/controller.pid
SlurmdPidFile=${work}/node.pid
SlurmctldLogFile=${work}/log/controller.log
SlurmdLogFile=${work}/log/node.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
NodeName=${host} NodeAddr=127.0.0.1 CPUs=${cpus().length} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`,
  );
  const env = { ...process.env, SLURM_CONF: config, MIXERZOO_LEASE_SECONDS: '5', MIXERZOO_THREADS: '1' };
  await until(() => existsSync(socket), 'munged listens', START_MS);
  daemon('slurmctld', ['-D', '-f', config], env);
  daemon('slurmd', ['-D', '-f', config], env);
  await until(
    () => /idle/.test(spawnSync('sinfo', ['--noheader', '--format=%T'], { env, encoding: 'utf8' }).stdout),
    'the node is idle',
    START_MS,
  );
  return env;
}

function daemon(program, args, env = process.env) {
  const log = openSync(join(work, 'log', `${program}.out`), 'a');
  const child = spawn(program, args, { env, stdio: ['ignore', log, log] });
  child.on(
    'exit',
    (code) =>
      code &&
      console.error(
        `${program} ended with exit code ${code}: ${readFileSync(join(work, 'log', `${program}.out`), 'utf8').slice(-1000)}`,
      ),
  );
  daemons.push(child);
}

/** A port that nobody listens at now. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function until(condition, what, patienceMs = PATIENCE_MS) {
  for (const end = Date.now() + patienceMs; !condition(); await sleep(250)) {
    if (Date.now() > end) throw new Error(`gave up waiting until ${what}`);
  }
}

function runsIn(cwd) {
  const root = join(cwd, 'runs/sweep');
  const names = existsSync(root) ? readdirSync(root).filter((name) => /-s\d+-/.test(name)) : [];
  return names.map((name) => join(root, name));
}

function doneIn(cwd) {
  return runsIn(cwd).filter((directory) => existsSync(join(directory, 'result.json'))).length;
}

/** Kills a process that holds the lease of a run. @returns false where there is none: nobody is at work, or it is dead already. */
function killWorker(cwd) {
  return runsIn(cwd).some((directory) => {
    try {
      const lock = join(directory, '.lock');
      const { pid } = JSON.parse(readFileSync(join(lock, readdirSync(lock)[0]), 'utf8'));
      return process.kill(pid, 'SIGKILL');
    } catch {
      return false;
    }
  });
}

/** What training came to, by the name of the run; without times. */
function numbersIn(cwd) {
  return new Map(
    runsIn(cwd).map((directory) => {
      const { status, steps, validation, test } = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8'));
      const metrics = readFileSync(join(directory, 'metrics.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      const losses = metrics
        .filter(({ kind }) => kind === 'epoch')
        .map(({ epoch, trainLoss, validationLoss }) => [epoch, trainLoss, validationLoss]);
      return [directory.slice(cwd.length), { status, steps, validation, test, losses }];
    }),
  );
}
