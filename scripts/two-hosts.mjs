/**
 * `npm run check:hosts`: a sweep by two hosts over one directory. A host is a command in namespaces of its own (`unshare`): another host
 * name, and process numbers that the other cannot see, so that nothing but leases tells them of each other. Workers and commands of
 * both are killed at random (kill -9) and started again; one worker is stopped (SIGSTOP) until its lease is over and its run is
 * finished by the other host, and then goes on (SIGCONT). In the end every run has the numbers of one process that did them all,
 * each was finished once, and what the stopped worker came back to is as it was. It takes the right to make namespaces; without, it
 * says so and ends well.
 *
 *   --runs 60      of the sweep
 *   --seed 1       of what is killed, and when
 *   --source       the command from source, not from dist
 *   --out <file>   where what was done is written; default: nowhere
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    source: { type: 'boolean', default: false },
    out: { type: 'string' },
    host: { type: 'string' }, // what this script starts itself with, inside of the namespaces
  },
});
const RUNS = Number(options.runs);
const PATIENCE_MS = 1_200_000;
const LEASE_SECONDS = '5';

const bench = fileURLToPath(new URL('../packages/bench', import.meta.url));
const entry = options.source
  ? ['--conditions=@mixerzoo/source', '--import', import.meta.resolve('tsx'), join(bench, 'src/cli.ts')]
  : [join(bench, 'dist/cli.js')];
const NAMESPACES = ['--uts', '--pid', '--fork', '--mount-proc', '--kill-child'];

const sweep = `
name: sweep
task: { task: mqar, vocabSize: 32, seqLen: 16, numKvPairs: 4 }
model: { dModel: 16 }
models: { One: { layers: [attention] } }
seeds: [${Array.from({ length: RUNS }, (_, seed) => seed).join(', ')}]
train: { batchSize: 8, epochs: 10, stepsPerEpoch: 20, validationExamples: 16, testExamples: 16 }
engine: wasm
`;

/** What was killed and stopped, as printed. */
const notes = [];

if (options.host !== undefined) await beHost(process.cwd());
else await check();

async function check() {
  const reason = whyNot();
  if (reason) {
    console.log(`skipped: ${reason}`);
    return;
  }
  const work = mkdtempSync(join(tmpdir(), 'mixerzoo-hosts-'));
  const hosts = [];
  try {
    const [cwd, alone] = ['hosts', 'alone'].map((name) => {
      const directory = join(work, name);
      mkdirSync(directory);
      writeFileSync(join(directory, 'sweep.yaml'), sweep);
      return directory;
    });
    const start = performance.now();
    hosts.push(startHost('host-a', cwd), startHost('host-b', cwd));
    const { kills, rewritten } = await disturb(hosts, cwd);
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(`Both hosts have ended after ${seconds} s.`);
    compare(hosts, cwd, alone, rewritten);
    console.log(
      `${RUNS} runs by two hosts: each with the numbers of one process, bit for bit; each finished once; ${kills.worker} workers and ${kills.command} commands killed.`,
    );
    if (options.out) {
      const done = {
        runs: RUNS,
        seed: Number(options.seed),
        killed: kills,
        stopped: 1,
        seconds,
        finishedBy: sharesOf(hosts),
      };
      writeFileSync(options.out, `${JSON.stringify(done, null, 1)}\n`);
    }
  } finally {
    for (const { child } of hosts) child.kill('SIGKILL');
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  }
}

function whyNot() {
  if (process.platform !== 'linux') return 'namespaces are of Linux';
  const { status, stderr, error } = spawnSync('unshare', [...NAMESPACES, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `unshare makes no namespaces here: ${(error?.message ?? stderr).trim()}`;
}

/** Kills and stops, and lets both come to their end. @returns what was killed, and runs that were finished more than once. */
async function disturb(hosts, cwd) {
  const random = createRandom(Number(options.seed));
  const many = { worker: Math.max(1, Math.round(RUNS / 12)), command: Math.max(1, Math.round(RUNS / 20)) };
  const due = hosts.flatMap((host) =>
    Object.entries(many).flatMap(([what, count]) =>
      // Early, so that there are runs left for a worker that is stopped after that.
      Array.from({ length: count }, () => ({ host, what, at: RUNS * (0.05 + 0.25 * random()) })),
    ),
  );
  due.sort((a, b) => a.at - b.at);
  const kills = { worker: 0, command: 0 };
  const finishedAt = new Map();
  const rewritten = new Set();
  let stopped; // the directory, then what is in it
  const end = Date.now() + PATIENCE_MS;
  while (hosts.some(({ ended }) => !ended)) {
    if (Date.now() > end) throw new Error(`gave up waiting for both hosts.\n${said(hosts)}`);
    const done = lookAtResults(cwd, finishedAt, rewritten);
    while (due.length > 0 && done >= due[0].at) {
      const { host, what } = due.shift();
      const told = host.ended ? undefined : await host.ask(`kill-${what}`);
      if (!told) continue;
      kills[what] += 1;
      note(`${done} done: killed a ${what} of ${host.name}${told.run ? `, at ${told.run}` : ''}`);
    }
    for (const [index, host] of hosts.entries()) {
      if (stopped || due.length > 0) break;
      const told = await host.ask('stop');
      if (!told) continue;
      stopped = { ...told, host, other: hosts[1 - index] };
      note(`${done} done: stopped a worker of ${host.name}, at ${told.run}`);
    }
    if (stopped && !stopped.files && existsSync(join(stopped.directory, 'result.json')) && stopped.other.ended) {
      stopped.files = filesIn(stopped.directory);
      await stopped.host.ask('go-on');
      note(`${done} done: ${stopped.run} was finished by the other host; the stopped worker goes on`);
    }
    await sleep(100);
  }
  lookAtResults(cwd, finishedAt, rewritten);
  if (!stopped?.files)
    throw new Error(`expected a worker that was stopped beyond its lease, got none.\n${said(hosts)}`);
  if (!isDeepStrictEqual(filesIn(stopped.directory), stopped.files)) {
    throw new Error(
      `${stopped.run}: expected what the other host wrote, got it changed by the worker that was stopped.`,
    );
  }
  if (!/taken over/.test(stopped.host.output)) {
    throw new Error(`expected the stopped worker to say that it was taken over, got no word of it.\n${said(hosts)}`);
  }
  if (kills.worker === 0 || kills.command === 0) {
    throw new Error(`expected workers and commands to be killed, got ${kills.worker} and ${kills.command}.`);
  }
  return { kills, rewritten };
}

function compare(hosts, cwd, alone, rewritten) {
  for (const { name, code, output } of hosts) {
    if (code !== 0) throw new Error(`${name}: expected exit code 0, got ${code}:\n${output}`);
  }
  const env = { ...process.env, MIXERZOO_THREADS: '1' };
  const whole = spawnSync(process.execPath, [...entry, 'run', 'sweep.yaml'], { cwd: alone, env, encoding: 'utf8' });
  if (whole.status !== 0) throw new Error(`run: expected exit code 0, got ${whole.status}:\n${whole.stderr}`);
  const [found, expected] = [numbersIn(cwd), numbersIn(alone)];
  const wrong = [...expected].filter(([name, numbers]) => !isDeepStrictEqual(found.get(name), numbers));
  if (found.size !== RUNS || wrong.length > 0) {
    throw new Error(
      `expected the numbers of one process for ${RUNS} runs, got ${found.size} runs, others for ${wrong.map(([name]) => name).join(', ')}.\n${said(hosts)}`,
    );
  }
  const names = hosts.flatMap(trainedBy);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length + rewritten.size > 0) {
    throw new Error(
      `expected every run finished once, got more: ${[...twice, ...rewritten].join(', ')}.\n${said(hosts)}`,
    );
  }
}

/** Runs that the commands of a host say they have trained to the end. */
function trainedBy({ output }) {
  return (output.match(/^\[\d+\/\d+\] .*: validation /gm) ?? []).map((line) => /\] (.*?): /.exec(line)[1]);
}

function sharesOf(hosts) {
  return Object.fromEntries(hosts.map((host) => [host.name, trainedBy(host).length]));
}

function note(line) {
  notes.push(line);
  console.log(line);
}

/** What was done, and what the hosts said: for an error. */
function said(hosts) {
  return [...notes, ...hosts.map(({ name, output }) => `${name}:\n${output}`)].join('\n');
}

/** Starts this script as a host; its shell is the first process there, and takes in what others leave behind. */
function startHost(name, cwd) {
  const self = [fileURLToPath(import.meta.url), '--host', name, ...(options.source ? ['--source'] : [])];
  const shell = `echo ${name} > /proc/sys/kernel/hostname && "$@" <&3 & wait $!`;
  const child = spawn('unshare', [...NAMESPACES, 'sh', '-c', `exec 3<&0; ${shell}`, 'sh', process.execPath, ...self], {
    cwd,
    env: { ...process.env, MIXERZOO_LEASE_SECONDS: LEASE_SECONDS, MIXERZOO_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const host = { name, child, output: '', ended: false, code: undefined };
  const waiting = [];
  createInterface(child.stdout).on('line', (line) => {
    const { said: words, answer } = JSON.parse(line);
    if (words !== undefined) host.output += words;
    else waiting.shift()(answer);
  });
  child.stderr.on('data', (chunk) => {
    host.output += chunk;
  });
  child.on('close', (code) => {
    host.ended = true;
    host.code = code;
    for (const answer of waiting.splice(0)) answer(undefined);
  });
  host.ask = (order) => {
    if (host.ended) return Promise.resolve(undefined);
    child.stdin.write(`${order}\n`);
    return new Promise((answer) => waiting.push(answer));
  };
  return host;
}

/** Inside of the namespaces: runs the command until it ends by itself, and does what it is asked to. */
async function beHost(cwd) {
  if (hostname() !== options.host) throw new Error(`expected the host name ${options.host}, got ${hostname()}.`);
  const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  let command;
  let stoppedPid;
  const killedAt = new Set();
  const orders = {
    'kill-command': async () => {
      await signal(command.pid, 'SIGKILL');
      return {};
    },
    'kill-worker': async () => {
      // Each run once a host: a worker that is killed three times is given up.
      const isNew = (directory) => !killedAt.has(directory);
      for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20)) {
        const found = findWorker(cwd, command.pid, isNew);
        if (!found) continue;
        killedAt.add(found.directory);
        await signal(found.pid, 'SIGKILL');
        return { run: basename(found.directory) };
      }
      return undefined;
    },
    stop: async () => {
      // Beyond the look at whether another has done it meanwhile, after which it would end without a word of having been taken over.
      const isTraining = (directory, since) => statSync(join(directory, 'metrics.jsonl')).mtimeMs > Date.parse(since);
      const found = findWorker(cwd, command.pid, isTraining);
      if (!found) return undefined;
      await signal(found.pid, 'SIGSTOP');
      if (existsSync(found.file) && !existsSync(join(found.directory, 'result.json'))) {
        stoppedPid = found.pid;
        return { run: basename(found.directory), directory: found.directory };
      }
      await signal(found.pid, 'SIGCONT'); // it had finished
      return undefined;
    },
    'go-on': async () => {
      await signal(stoppedPid, 'SIGCONT');
      return {};
    },
  };
  const heard = createInterface(process.stdin);
  heard.on('line', async (order) => {
    tell({ answer: await Promise.resolve(orders[order]()).catch(() => undefined) });
  });
  heard.on('close', () => process.exit(1)); // the check is over; all of a host ends with its first process
  for (;;) {
    command = spawn(process.execPath, [...entry, 'run', 'sweep.yaml', '--workers', '2'], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [command.stdout, command.stderr]) stream.on('data', (chunk) => tell({ said: String(chunk) }));
    const [code] = await new Promise((ended) => command.on('exit', (...how) => ended(how)));
    if (code !== null) {
      await sleep(500); // its last words
      process.exit(code);
    }
    await sleep(500);
  }
}

/** A worker of a command of this host, at a run that is wanted; undefined where there is none at this moment. */
function findWorker(cwd, command, isWanted) {
  for (const directory of runsIn(cwd)) {
    try {
      const lock = join(directory, '.lock');
      const file = join(lock, readdirSync(lock)[0]);
      const { pid, host, since } = JSON.parse(readFileSync(file, 'utf8'));
      if (host !== options.host || statusOf(pid).parent !== command) continue; // one whose command was killed ends by itself
      if (isWanted(directory, since)) return { pid, file, directory };
    } catch {} // nobody, at this moment
  }
  return undefined;
}

/** Sends a signal, and waits until it is obeyed: on a busy machine a killed process looks alive, and its children its own, for a while. */
async function signal(pid, name) {
  process.kill(pid, name);
  const isStopped = () => statusOf(pid)?.state === 'T';
  const isObeyed = { SIGKILL: () => !statusOf(pid), SIGSTOP: isStopped, SIGCONT: () => !isStopped() }[name];
  while (!isObeyed() && statusOf(pid)) await sleep(5);
}

/** What Linux says of a process (proc_pid_status(5)); undefined of one that is gone. */
function statusOf(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined;
  }
  return { state: /^State:\s*(\S)/m.exec(text)[1], parent: Number(/^PPid:\s*(\d+)/m.exec(text)[1]) };
}

/** Notes when each run was finished, and which again. @returns how many. */
function lookAtResults(cwd, finishedAt, rewritten) {
  for (const directory of runsIn(cwd)) {
    const stats = statSync(join(directory, 'result.json'), { throwIfNoEntry: false });
    if (!stats) continue;
    const state = `${stats.ino} ${stats.mtimeMs}`;
    if ((finishedAt.get(directory) ?? state) !== state) rewritten.add(basename(directory));
    finishedAt.set(directory, state);
  }
  return finishedAt.size;
}

function runsIn(cwd) {
  const root = join(cwd, 'runs/sweep');
  const names = existsSync(root) ? readdirSync(root).filter((name) => /-s\d+-/.test(name)) : [];
  return names.map((name) => join(root, name));
}

/** Every file of a run, by a hash of what it holds. */
function filesIn(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  return paths.map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]);
}

/** What training came to, by the name of the run; without times. */
function numbersIn(cwd) {
  return new Map(
    runsIn(cwd).map((directory) => {
      const { status, steps, validation, test } = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8'));
      const lines = readFileSync(join(directory, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
      const losses = lines
        .map((line) => JSON.parse(line))
        .filter(({ kind }) => kind === 'epoch')
        .map(({ epoch, trainLoss, validationLoss }) => [epoch, trainLoss, validationLoss]);
      return [basename(directory), { status, steps, validation, test, losses }];
    }),
  );
}

/** Numbers in [0, 1) that a seed repeats: a linear congruential generator (Numerical Recipes, 1992). */
function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
