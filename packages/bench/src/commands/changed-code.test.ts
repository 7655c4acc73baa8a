/** Results do not outlive the code that made them, nor do checkpoints: real runs of a project whose mixer is edited. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/command.js';
import { writeReport } from '../report/write-report.js';
import { loadRuns } from '../runs/read-results.js';

const cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-changed-'));
afterAll(() => rmSync(cwd, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(cwd, path)), { recursive: true });
  writeFileSync(join(cwd, path), text);
}

const gain = (value: number, name: string) => `
import { defineMixer, tf } from '@mixerzoo/core';
import * as z from 'zod';
export const ${name} = defineMixer({
  name: '${name}',
  summary: 'A gain.',
  schema: z.strictObject({ dModel: z.number().int() }),
  create: ({ dModel }) => ({
    init: () => ({ scale: tf.fill([dModel], 1) }),
    apply: (params, x) => tf.tidy(() => x.mul(params.scale).mul(${value})),
    initState: (batchSize) => ({ unused: tf.zeros([batchSize, 1]) }),
    step: (params, x, state) => ({ y: tf.tidy(() => x.mul(params.scale).mul(${value})), state }),
    stateSize: () => 1,
    flops: (seqLen) => 2 * seqLen * dModel,
  }),
});
`;

const PACKAGES = fileURLToPath(new URL('../../..', import.meta.url));

function install(name: string): void {
  const manifest = {
    name,
    version: '1.0.0',
    type: 'module',
    main: 'index.js',
    dependencies: { '@mixerzoo/core': '*' },
  };
  write(`node_modules/${name}/package.json`, JSON.stringify(manifest));
  write(
    `node_modules/${name}/index.js`,
    `${gain(1, 'gain')}export const plugin = { specVersion: 1, mixers: [gain], tasks: [] };\n`,
  );
}

const config = (theirs: string, more = '') => `
import { mine } from './my-mixer.js';
export default {
  name: 'mine',
  task: { task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 },
  model: { dModel: 16 },
  models: { Mine: { layers: [mine] }, Theirs: { layers: ['${theirs}'] } },
  train: { batchSize: 8, epochs: 1, stepsPerEpoch: 5, validationExamples: 16, testExamples: 16 },
  engine: 'wasm',
  ${more}
};
`;

async function losses(): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {};
  for (const { config: of, result } of await loadRuns(join(cwd, 'runs', 'mine'))) {
    if (result?.status === 'done') found[of.label] = [...(found[of.label] ?? []), result.validation.loss];
  }
  return found;
}

it('trains anew what other code would make, and says so', async () => {
  mkdirSync(join(cwd, 'node_modules', '@mixerzoo'), { recursive: true });
  symlinkSync(join(PACKAGES, 'core'), join(cwd, 'node_modules', '@mixerzoo', 'core'), 'junction');
  symlinkSync(join(PACKAGES, '..', 'node_modules', 'zod'), join(cwd, 'node_modules', 'zod'), 'junction');
  write('package.json', '{"name": "project", "type": "module"}');
  install('mz-a');
  install('mz-b');
  write('my-mixer.ts', gain(1, 'mine'));
  write('my.config.ts', config('mz-a#gain'));

  const first = await mixerzoo(cwd, 'run', 'my.config.ts');
  expect([first.code, first.stderr]).toEqual([0, '']);
  const [before] = (await losses())['Mine']!;

  // Words of the config are no code.
  write('my.config.ts', config('mz-a#gain', '// The same.'));
  const again = await mixerzoo(cwd, 'run', 'my.config.ts');
  expect(again.stdout.match(/done before/g)).toHaveLength(2);
  expect(again.stdout).not.toContain('other code');

  write('my-mixer.ts', gain(100, 'mine'));
  const edited = await mixerzoo(cwd, 'run', 'my.config.ts');
  expect(edited.code).toBe(0);
  expect(edited.stdout).toContain(
    '1 run of this experiment is of other code (./my-mixer.ts changed): kept, and run anew.',
  );
  expect(edited.stdout).toMatch(/Theirs: done before/);
  expect(edited.stdout).not.toMatch(/Mine: done before/);
  const both = (await losses())['Mine']!;
  expect(both).toHaveLength(2);
  expect(both).toContain(before);
  expect(new Set(both).size).toBe(2);
  // The report of the command has the runs of now; one of the directory has both, told apart.
  expect(readFileSync(join(cwd, 'runs', 'mine', 'table.md'), 'utf8').match(/^\| Mine/gm)).toHaveLength(1);
  await writeReport(join(cwd, 'runs', 'mine'), join(cwd, 'all'));
  expect(
    readFileSync(join(cwd, 'all', 'table.md'), 'utf8').match(/Mine \(\.\/my-mixer\.ts [0-9a-f]{12}\)/g),
  ).toHaveLength(2);

  write('my.config.ts', config('mz-b#gain'));
  const other = await mixerzoo(cwd, 'run', 'my.config.ts', '--dry-run', '--json');
  expect(JSON.parse(other.stdout).runs).toMatchObject([{ status: 'done' }, { status: 'to do' }]);
  expect(other.stderr).toContain(
    '1 run of this experiment is of other code (mz-a left out, mz-b added): kept, and run anew.',
  );
  expect(readdirSync(join(cwd, 'runs', 'mine')).filter((name) => /-[0-9a-f]{12}$/.test(name))).toHaveLength(3);
}, 600_000);
