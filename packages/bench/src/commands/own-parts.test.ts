/** `mixerzoo generate` and `eval` of a run whose mixer is of its config's own file. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { byteTokenizer, prepareData } from '@mixerzoo/text';
import { afterAll, expect, it } from 'vitest';
import { mixerzoo } from '../__fixtures__/command.js';

const cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-own-parts-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const write = (file: string, text: string) => writeFileSync(join(cwd, file), text);
const mixer = (gain: number) => `
import { defineMixer, tf } from '@mixerzoo/core';
import * as z from 'zod';
export const gain = defineMixer({
  name: 'gain',
  summary: 'A gain.',
  schema: z.strictObject({ dModel: z.number().int() }),
  create: ({ dModel }) => ({
    init: () => ({ scale: tf.fill([dModel], ${gain}) }),
    apply: (params, x) => tf.tidy(() => x.mul(params.scale)),
    initState: (batchSize) => ({ unused: tf.zeros([batchSize, 1]) }),
    step: (params, x, state) => ({ y: tf.tidy(() => x.mul(params.scale)), state }),
    stateSize: () => 1,
    flops: (seqLen) => 2 * seqLen * dModel,
  }),
});
`;

it('takes them from the config that it is given, and from no other', async () => {
  symlinkSync(fileURLToPath(new URL('../../../../node_modules', import.meta.url)), join(cwd, 'node_modules'));
  write('text.txt', 'the fern grew by the wall\n'.repeat(200));
  await prepareData({ files: [join(cwd, 'text.txt')], tokenizer: byteTokenizer(), out: join(cwd, 'data') });
  write('gain.mjs', mixer(1));
  write(
    'mine.config.mjs',
    `import { gain } from './gain.mjs';
export default {
  name: 'mine',
  task: { task: 'text', data: 'data', seqLen: 16 },
  model: { dModel: 16 },
  models: { Mine: { layers: [gain] } },
  train: { batchSize: 8, epochs: 1, stepsPerEpoch: 3, validationExamples: 4, testExamples: 4 },
};
`,
  );
  const trained = await mixerzoo(cwd, 'run', 'mine.config.mjs', '--engine', 'wasm');
  expect(trained.code, trained.stderr).toBe(0);
  const run = join('runs', 'mine', readdirSync(join(cwd, 'runs', 'mine')).find((name) => name.startsWith('mine-'))!);
  const generate = (...more: string[]) =>
    mixerzoo(cwd, 'generate', run, '--prompt', 'the', '--max-tokens', '4', ...more);

  const without = await generate();
  expect(without.code).toBe(2);
  expect(without.stderr).toMatch(/gain: expected a part of a package, got one of .*gain\.mjs\. .*--config <file>/);
  const given = await generate('--config', 'mine.config.mjs');
  expect(given.code, given.stderr).toBe(0);
  expect(given.stdout).toMatch(/^the/);
  const measured = await mixerzoo(cwd, 'eval', run, '--tasks', 'perplexity', '--config', 'mine.config.mjs');
  expect(measured.code, measured.stderr).toBe(0);
  expect(measured.stdout).toContain('| 16 |');

  write('gain.mjs', mixer(2));
  const edited = await generate('--config', 'mine.config.mjs');
  expect(edited.code).toBe(2);
  expect(edited.stderr).toContain(
    "expected the config that gave 'Mine' of mine, got one of other models or other code",
  );
});
