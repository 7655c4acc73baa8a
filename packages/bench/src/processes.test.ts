/** What happens around a command: stops, loops, edits, output that nobody takes. Real processes. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  CLI,
  ended,
  epochsIn,
  isAlive,
  mixerzoo,
  NODE_FLAGS,
  newProject,
  ownerOf,
  runDirectories,
  start,
  until,
} from './__fixtures__/command.js';
import { TINY } from './__fixtures__/tiny-experiment.js';
import type { RunResult } from './runs/results.js';

const LONG = TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 500, stepsPerEpoch: 5');
const ATTENTION = pathToFileURL(CLI).href.replace('bench/src/cli.ts', 'attention/src/index.ts');

/** A config with a mixer of its own, which `when` it is true loops for ever, beside one by name. */
const withMixer = (when: string) => `
import { attention } from '${ATTENTION}';
const own = Object.assign((config) => {
  const mixer = attention(config);
  let calls = 0;
  return { ...mixer, name: 'own', apply(...given) { calls++; while (${when}); return mixer.apply(...given); } };
}, { mixerName: 'own', summary: '', schema: attention.schema });
export default {
  name: 'tiny',
  task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 },
  model: { dModel: 16 },
  models: { Own: { layers: [own] }, Named: { layers: ['attention'] } },
  train: { batchSize: 8, epochs: 2, stepsPerEpoch: 5, validationExamples: 16, testExamples: 16 },
  engine: 'wasm',
};`;

const resultOf = (directory: string): RunResult | undefined => {
  const path = join(directory, 'result.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RunResult) : undefined;
};
const directoryOf = (cwd: string, label: string) =>
  runDirectories(cwd).find((path) => path.includes(`${label}-lr`)) ?? 'none yet';

describe('a command that is interrupted', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves no lock after %s', async (signal) => {
    const cwd = newProject(LONG);
    const child = start(cwd, ['run', 'tiny.yaml']);
    await until(() => runDirectories(cwd).some((directory) => epochsIn(directory) >= 1), 'an epoch is saved');
    const [directory] = runDirectories(cwd) as [string];
    expect(existsSync(join(directory, '.lock'))).toBe(true);
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(readdirSync(directory)).not.toContain('.lock');
    expect(readdirSync(join(cwd, 'runs'))).not.toContain('.lock');
  });
});

describe('a search of learning rates', () => {
  const SEARCH = `${TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 3, stepsPerEpoch: 5')}learningRates: [0.03, 0.003]
seeds: [0, 1]
`;
  const rungs = 'search: { rungs: [1] }\n';
  const outcomesOf = (stdout: string) =>
    (JSON.parse(stdout) as { runs: { learningRate: number; seed: number; status: string }[] }).runs.map(
      ({ learningRate, seed, status }) => `${learningRate} s${seed} ${status === 'skipped' ? 'done' : status}`,
    );
  const numbers = (directory: string) => {
    const result = resultOf(directory);
    return result?.status === 'done' && [result.steps, result.validation, result.test[0]!.correct];
  };

  it('killed at its first rung, comes to what it comes to uninterrupted; without it, what it left out goes on', async () => {
    const [cwd, other] = [newProject(`${SEARCH}${rungs}`), newProject(`${SEARCH}${rungs}`)];
    const whole = await mixerzoo(other, 'run', 'tiny.yaml', '--workers', '2', '--json');
    const outcomes = outcomesOf(whole.stdout);
    expect(outcomes.map((outcome) => outcome.split(' ').at(-1)).sort()).toEqual([
      'done',
      'done',
      'leftOut',
      'unneeded',
    ]);
    expect(whole.stderr).toMatch(/One, lr [\d.]+, seed 0: left out at epoch 1: .* the best had/);

    const child = start(cwd, ['run', 'tiny.yaml', '--workers', '1']);
    const ends = once(child, 'close');
    await until(() => runDirectories(cwd).some((directory) => epochsIn(directory) >= 1), 'a rung is reached');
    child.kill('SIGKILL');
    await ends;
    const resumed = await mixerzoo(cwd, 'run', 'tiny.yaml', '--workers', '1', '--json');
    expect(outcomesOf(resumed.stdout)).toEqual(outcomes);
    const names = (project: string) => runDirectories(project).map((directory) => directory.slice(project.length));
    expect(names(cwd)).toEqual(names(other));
    expect(runDirectories(cwd).map(numbers)).toEqual(runDirectories(other).map(numbers));
    const rests = runDirectories(cwd).filter((directory) => !resultOf(directory));
    expect(rests.map(epochsIn)).toEqual([1]);

    const { stdout } = await mixerzoo(cwd, 'run', 'tiny.yaml', '--dry-run');
    expect(stdout).toContain('4 runs: 2 done, 2 not needed.\n');

    writeFileSync(join(cwd, 'tiny.yaml'), SEARCH);
    const plain = await mixerzoo(cwd, 'run', 'tiny.yaml', '--workers', '2', '--json');
    expect(outcomesOf(plain.stdout)).toEqual(['0.03 s0 done', '0.003 s0 done', '0.03 s1 done', '0.003 s1 done']);
    expect(readFileSync(join(rests[0]!, 'config.json'), 'utf8')).not.toContain('"search"');
    expect(readFileSync(join(cwd, 'runs', 'tiny', 'table.md'), 'utf8')).not.toContain('left out');
  }, 600_000);
});

describe('a mixer that loops for ever', () => {
  it('ends with the command, also when that is killed', async () => {
    const cwd = newProject();
    writeFileSync(join(cwd, 'loop.config.mjs'), withMixer('calls > 3'));
    const child = start(cwd, ['run', 'loop.config.mjs', '--workers', '1']);
    await until(() => ownerOf(directoryOf(cwd, 'own')) !== undefined, 'the worker has its lock');
    const worker = ownerOf(directoryOf(cwd, 'own')) as number;
    await until(() => existsSync(join(directoryOf(cwd, 'own'), 'metrics.jsonl')), 'the training begins');
    await new Promise((resolve) => setTimeout(resolve, 3000)); // it loops now
    expect(isAlive(worker)).toBe(true);
    child.kill('SIGKILL');
    await until(() => !isAlive(worker), 'the worker ends with its parent');
  });

  it('is ended as failed after the minutes without progress, and the others go on', async () => {
    const cwd = newProject();
    writeFileSync(join(cwd, 'loop.config.mjs'), withMixer('calls > 3'));
    const { code, stdout } = await mixerzoo(cwd, 'run', 'loop.config.mjs', '--workers', '1', '--stall-minutes', '0.5');
    expect(code).toBe(1);
    expect(stdout).toMatch(/Own failed: worker: expected progress, got none for 0\.5 minutes \(--stall-minutes\)/);
    expect(resultOf(directoryOf(cwd, 'own'))).toMatchObject({ status: 'failed', code: 'stalled' });
    expect(resultOf(directoryOf(cwd, 'named'))).toMatchObject({ status: 'done' });
    expect(readdirSync(directoryOf(cwd, 'own'))).not.toContain('.lock');
  }, 600_000); // longer than a start on a busy machine, which is silent too
});

describe('a worker that is killed whenever it trains', () => {
  it('is started again twice, then given up, and the others go on', async () => {
    const cwd = newProject();
    writeFileSync(join(cwd, 'loop.config.mjs'), withMixer("calls > 3 && process.kill(process.pid, 'SIGKILL')"));
    const { code, stdout } = await mixerzoo(cwd, 'run', 'loop.config.mjs', '--workers', '1');
    expect(code).toBe(1);
    expect(stdout.match(/Own: worker: .*SIGKILL.* It is started again\./g)).toHaveLength(2);
    expect(stdout).toMatch(/Own failed: worker: expected a result, got signal SIGKILL/);
    expect(resultOf(directoryOf(cwd, 'named'))).toMatchObject({ status: 'done' });
    expect(readdirSync(directoryOf(cwd, 'own'))).not.toContain('.lock');
  }, 300_000);
});

describe('a command that was stopped for longer than a lease', () => {
  it('does not write over the run of the one that took over', async () => {
    const cwd = newProject(TINY.replace('epochs: 2, stepsPerEpoch: 5', 'epochs: 60, stepsPerEpoch: 5'));
    const lease = { MIXERZOO_LEASE_SECONDS: '2' };
    const first = start(cwd, ['run', 'tiny.yaml'], lease);
    const firstEnds = ended(first);
    await until(() => runDirectories(cwd).some((directory) => epochsIn(directory) >= 2), 'two epochs are saved');
    const [directory] = runDirectories(cwd) as [string];
    const worker = ownerOf(directory) as number;
    for (const pid of [first.pid as number, worker]) process.kill(pid, 'SIGSTOP');
    const second = await ended(start(cwd, ['run', 'tiny.yaml'], lease));
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/One: .*held by process \d+ on .*Waiting up to 2 s for it to be renewed/);
    const written = () => ['result.json', 'metrics.jsonl'].map((name) => readFileSync(join(directory, name), 'utf8'));
    const before = written();
    for (const pid of [worker, first.pid as number]) process.kill(pid, 'SIGCONT');
    const { code, stdout } = await firstEnds;
    expect(code).toBe(0); // the other has done it
    expect(stdout).toMatch(/One: .*expected this process to hold the lock, got taken over by another/);
    expect(written()).toEqual(before);
    expect(readdirSync(directory).sort()).toEqual(
      ['checkpoint', 'config.json', 'environment.json', 'metrics.jsonl', 'result.json'].sort(),
    );
  });
});

describe('a config that is edited while its runs go on', () => {
  const afterFirst = async (file: string, text: string, edited: string) => {
    const cwd = newProject();
    writeFileSync(join(cwd, file), text);
    const command = mixerzoo(cwd, 'run', file, '--workers', '1');
    await until(() => runDirectories(cwd).length > 0, 'the first run has begun');
    writeFileSync(join(cwd, file), edited);
    return { cwd, ...(await command) };
  };

  it('does not matter where it is data: the runs are those of when the command began', async () => {
    const sweep = `${TINY}seeds: [0, 1]\n`;
    const { cwd, code } = await afterFirst('sweep.yaml', sweep, 'models: [what was it');
    expect(code).toBe(0);
    expect(runDirectories(cwd).map((directory) => resultOf(directory)?.status)).toEqual(['done', 'done']);
  });

  it('is named as the cause where a run needs functions of the file that no longer fit it', async () => {
    const config = withMixer('false');
    const { code, stdout } = await afterFirst('own.config.mjs', config, config.replace("'attention'", "'based'"));
    expect(code).toBe(1);
    expect(stdout).toMatch(/Named failed: .*own\.config\.mjs: expected the config to stay as it was .* an edited one/);
    expect(stdout).toMatch(/Own: validation/);
  });
});

describe('standard output that takes nothing', () => {
  it('on a full device ends no run; standard error and the exit code tell of it', async ({ skip }) => {
    if (!existsSync('/dev/full')) skip('this system has no /dev/full');
    const cwd = newProject();
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [...NODE_FLAGS, CLI, 'run', 'tiny.yaml'], {
      cwd,
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    const { code, stderr } = await ended(child);
    expect(code).toBe(1);
    expect(stderr).toBe('mixerzoo: expected to print everything, got ENOSPC. Files are complete.\n');
    expect(resultOf(directoryOf(cwd, 'one'))).toMatchObject({ status: 'done' });
    expect(existsSync(join(cwd, 'runs', 'tiny', 'report.html'))).toBe(true);
  });

  it('as a closed pipe ends no run', async () => {
    const cwd = newProject();
    const child = start(cwd, ['run', 'tiny.yaml']);
    child.stdout?.destroy();
    expect(await ended(child)).toMatchObject({ code: 0, stderr: '' });
    expect(resultOf(directoryOf(cwd, 'one'))).toMatchObject({ status: 'done' });
    expect(existsSync(join(cwd, 'runs', 'tiny', 'report.html'))).toBe(true);
  });
});

describe('a config that ends the process', () => {
  it.each([
    [
      'at import',
      (text: string) => `process.exit(0);\n${text}`,
      2,
      /loop\.config\.mjs: expected a module to import, got a call of process\.exit\(0\)/,
    ],
    [
      'when its mixer is made',
      (text: string) => text.replace('const mixer = attention(config);', 'process.exit(0);'),
      1,
      /expected to end at the end of the command, got ended before/,
    ],
  ])('%s does not pass for a success', async (_, edit, exitCode, message) => {
    const cwd = newProject();
    writeFileSync(join(cwd, 'loop.config.mjs'), edit(withMixer('false')));
    const result = await mixerzoo(cwd, 'run', 'loop.config.mjs', '--dry-run');
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(exitCode);
  });
});
