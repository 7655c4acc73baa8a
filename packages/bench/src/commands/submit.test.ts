import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { mixerzoo } from '../__fixtures__/command.js';
import { TINY } from '../__fixtures__/tiny-experiment.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-submit-'));
  writeFileSync(join(cwd, 'tiny.yaml'), `${TINY}cluster: { partition: gpu, sbatch: [--account=lab], tasks: 3 }\n`);
});
afterEach(() => rmSync(cwd, { recursive: true }));

const script = () => readFileSync(join(cwd, 'runs', 'tiny', 'submission', 'slurm.sh'), 'utf8');

it('writes an array job, of the config and of flags on top of it, that the shell can read', async () => {
  const args = [
    '--tasks',
    '2',
    '--time',
    '01:00:00',
    '--gpus',
    '1',
    '--cpus-per-task',
    '4',
    '--mem',
    '8G',
    '--workers',
    '2',
  ];
  const { code, stdout, stderr } = await mixerzoo(cwd, 'submit', 'tiny.yaml', '--slurm', ...args);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(
    /2 tasks, each with 2 runs at a time: .*slurm\.sh\nHand it over: sbatch .*\nWatch it: mixerzoo status runs/,
  );
  const options = [...script().matchAll(/^#SBATCH (.*)$/gm)].map(([, option]) => option);
  expect(options).toEqual(
    expect.arrayContaining([
      '--array=0-1',
      '--requeue',
      '--signal=B:USR1@120',
      '--time=01:00:00',
      '--gpus-per-task=1',
      '--cpus-per-task=4',
      '--mem=8G',
      '--partition=gpu',
      '--account=lab',
    ]),
  );
  expect(script()).toMatch(/ run \S*submission\/experiment\.json --out \S*runs --workers 2 &$/m);
  expect(spawnSync('bash', ['-n'], { input: script() }).status).toBe(0);
});

it('keeps the experiment as it was submitted, whatever becomes of its file', async () => {
  await mixerzoo(cwd, 'submit', 'tiny.yaml', '--slurm');
  const plan = async () =>
    (await mixerzoo(cwd, 'run', 'runs/tiny/submission/experiment.json', '--dry-run', '--json')).stdout;
  const ids = (text: string) =>
    (JSON.parse(text) as { runs: { config: { id: string } }[] }).runs.map(({ config }) => config.id);
  const before = ids(await plan());
  expect(before).toEqual(ids((await mixerzoo(cwd, 'run', 'tiny.yaml', '--dry-run', '--json')).stdout));
  writeFileSync(join(cwd, 'tiny.yaml'), TINY.replace('dModel: 16', 'dModel: 32'));
  expect(ids(await plan())).toEqual(before);
  expect((await mixerzoo(cwd, 'run', 'runs/tiny/submission/experiment.json')).code).toBe(0);
  const report = JSON.parse(readFileSync(join(cwd, 'runs', 'tiny', 'report.json'), 'utf8')) as { source: string };
  expect(report.source).toBe('../../tiny.yaml');
}, 120_000);

it('copies a config with code of its own, and what that imports', async () => {
  writeFileSync(join(cwd, 'package.json'), '{ "name": "mine", "type": "module" }');
  const attention = new URL('../../../attention/src/index.ts', import.meta.url).href;
  writeFileSync(
    join(cwd, 'own.mjs'),
    `import { attention } from '${attention}';
export const own = Object.assign((config) => ({ ...attention(config), name: 'own' }), { mixerName: 'own', summary: '', schema: attention.schema });\n`,
  );
  writeFileSync(
    join(cwd, 'own.config.mjs'),
    `import { own } from './own.mjs';
export default { name: 'own', task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 }, model: { dModel: 16 },
  models: { Own: { layers: [own] } }, train: { batchSize: 8, epochs: 1, stepsPerEpoch: 2, validationExamples: 8, testExamples: 8 }, engine: 'wasm' };\n`,
  );
  const { code, stderr } = await mixerzoo(cwd, 'submit', 'own.config.mjs', '--slurm');
  expect(code, stderr).toBe(0);
  const copy = join(cwd, 'runs', 'own', 'submission', 'code');
  expect(existsSync(join(copy, 'own.mjs'))).toBe(true);
  writeFileSync(join(cwd, 'own.mjs'), 'export const own = 7;');
  const ran = await mixerzoo(cwd, 'run', join(copy, 'own.config.mjs'), '--json');
  expect(ran.code, ran.stderr).toBe(0);
  expect((JSON.parse(ran.stdout) as { runs: { status: string }[] }).runs.map(({ status }) => status)).toEqual(['done']);
}, 120_000);

it('writes a job of a figure, by its name', async () => {
  const { code, stderr } = await mixerzoo(
    cwd,
    'submit',
    'fig6',
    '--slurm',
    '--scale',
    'small',
    '--set',
    'train.epochs=2',
  );
  expect(code, stderr).toBe(0);
  const text = readFileSync(join(cwd, 'runs', 'fig6-small', 'submission', 'slurm.sh'), 'utf8');
  expect(text).toMatch(/ figure fig6 --scale small --set train\.epochs=2 --out /);
});

it('writes an Indexed Job of Kubernetes, whose volume holds the runs', async () => {
  const { code, stderr } = await mixerzoo(
    cwd,
    'submit',
    'tiny.yaml',
    '--kubernetes',
    '--image',
    'lab/zoo:1',
    '--claim',
    'shared',
    '--gpus',
    '1',
  );
  expect(code, stderr).toBe(0);
  const job = parse(readFileSync(join(cwd, 'runs', 'tiny', 'submission', 'job.yaml'), 'utf8')) as {
    spec: {
      completionMode: string;
      completions: number;
      template: { spec: { containers: { command: string[]; resources: unknown }[] } };
    };
  };
  expect(job.spec).toMatchObject({ completionMode: 'Indexed', completions: 3, parallelism: 3 });
  const [container] = job.spec.template.spec.containers;
  expect(container).toMatchObject({
    image: 'lab/zoo:1',
    workingDir: '/app',
    volumeMounts: [{ name: 'runs', mountPath: '/app/runs' }],
    resources: { limits: { 'nvidia.com/gpu': 1 } },
  });
  expect(container!.command.join(' ')).toMatch(
    /^npx mixerzoo run runs\/tiny\/submission\/experiment\.json --out runs --workers 1$/,
  );
});

it.each([
  [['tiny.yaml'], /expected one of --slurm and --kubernetes/],
  [['tiny.yaml', '--slurm', '--tasks', '0'], /--tasks: expected a whole number from 1, got 0/],
  [['tiny.yaml', '--slurm', '--sbatch=account'], /cluster: sbatch/],
  [['tiny.yaml', '--slurm', '--scale', 'small'], /expected --scale with a figure alone/],
  [['tiny.yaml', '--kubernetes'], /expected --image, got none/],
  [['none.yaml', '--slurm'], /expected a config file, got 'none\.yaml'/],
])('says what is wrong with %j', async (args, message) => {
  const { code, stderr } = await mixerzoo(cwd, 'submit', ...args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
});

it('prints the job and writes nothing with --dry-run', async () => {
  const { stdout } = await mixerzoo(cwd, 'submit', 'tiny.yaml', '--slurm', '--dry-run');
  expect(stdout).toMatch(/^#!\/bin\/bash\n#SBATCH --job-name=mixerzoo-tiny$/m);
  expect(statSync(join(cwd, 'runs'), { throwIfNoEntry: false })).toBeUndefined();
});
