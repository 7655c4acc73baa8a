/** The processes of a search: how many it starts, and that its numbers do not show it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { ended, newProject, runDirectories, start } from './__fixtures__/command.js';
import { TINY } from './__fixtures__/tiny-experiment.js';
import { loadRuns } from './runs/read-results.js';
import type { RunRecord } from './runs/results.js';
import { WORKER_ARGUMENT } from './runs/worker-argument.js';

const SWEEP = `${TINY.replace('epochs: 2', 'epochs: 4').replace(
  '{ One: { layers: [attention] } }',
  '{ One: { layers: [attention] }, Two: { layers: [{ mixer: mamba }] } }',
)}learningRates: [0.03, 0.01, 0.003, 0.001]
`;

/** Runs the command; every process of a worker writes a line of its number. */
async function run(cwd: string) {
  const log = join(cwd, 'starts.txt');
  const preload = join(cwd, 'preload.mjs');
  writeFileSync(
    preload,
    `import { appendFileSync } from 'node:fs';
if (process.argv[2] === '${WORKER_ARGUMENT}') appendFileSync(${JSON.stringify(log)}, \`\${process.pid}\\n\`);`,
  );
  const NODE_OPTIONS = `--import=${pathToFileURL(preload).href}`;
  const { code, stdout, stderr } = await ended(start(cwd, ['run', 'tiny.yaml', '--workers', '2'], { NODE_OPTIONS }));
  expect({ code, stderr }, stdout).toMatchObject({ code: 0 });
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0;
}

/** What is no time and no memory of the records of a run. */
const numbersOf = ({ config, steps, epochs, result }: RunRecord) => ({
  name: `${config.label} ${config.learningRate}`,
  steps: steps.map(({ seconds: _, ...rest }) => rest),
  epochs: epochs.map(({ seconds: _, totalSeconds: _t, tokensPerSecond: _r, finishedAt: _f, ...rest }) => rest),
  ...(result?.status === 'done' && {
    result: {
      steps: result.steps,
      validation: result.validation,
      test: result.test,
      cost: [result.cost.parameters, result.cost.stateSize, result.cost.flops],
    },
  }),
});

it('starts a process a model and a finished run, where a run alone has one each, and gives the same numbers', async () => {
  const [searched, alone] = [newProject(`${SWEEP}search: { rungs: [1, 2] }\n`), newProject(SWEEP)];
  const starts = await run(searched);
  // Two models at four, two and one runs a rung: 14 orders. One process a model and a place is the most.
  expect(starts).toBeGreaterThanOrEqual(2);
  expect(starts).toBeLessThanOrEqual(4);
  expect(await run(alone)).toBe(8);
  const whole = new Map((await loadRuns(join(alone, 'runs'))).map(numbersOf).map((one) => [one.name, one]));
  const found = (await loadRuns(join(searched, 'runs'))).map(numbersOf);
  expect(found).toHaveLength(runDirectories(searched).length);
  expect(found.filter(({ result }) => result)).toHaveLength(2);
  for (const { name, steps, epochs, result } of found) {
    const other = whole.get(name)!;
    expect(steps, name).toEqual(other.steps.slice(0, steps.length));
    expect(epochs, name).toEqual(other.epochs.slice(0, epochs.length));
    if (result) expect({ name, steps, epochs, result }).toEqual(other);
  }
}, 300_000);
