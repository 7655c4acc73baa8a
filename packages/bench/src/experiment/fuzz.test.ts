/**
 * Whatever stands in a config or after `--set`, what comes is an experiment with its runs or an error for users: soon,
 * and without a change to the objects of the process.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isZooError } from '@mixerzoo/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { discoverPlugins } from '../plugins.js';
import { loadExperiment } from './experiment-source.js';
import { resolveRuns } from './resolve-runs.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

const registry = await discoverPlugins(process.cwd());
const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-fuzz-'));
const OBJECT_KEYS = Object.getOwnPropertyNames(Object.prototype).join();

/** Seconds that one config may take, and MiB that all may leave behind; on a loaded machine. */
const SLOW = 20;
const LARGE = 512;

async function onlyZooErrors(work: () => Promise<unknown>): Promise<void> {
  const [start, memory] = [performance.now(), process.memoryUsage().rss];
  try {
    await work();
  } catch (error) {
    if (!isZooError(error)) throw error;
    expect(error.message).toMatch(/\S/);
  }
  expect((performance.now() - start) / 1000).toBeLessThan(SLOW);
  expect((process.memoryUsage().rss - memory) / 2 ** 20).toBeLessThan(LARGE);
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(OBJECT_KEYS);
}

let files = 0;
async function resolveText(text: string, assignments: readonly string[] = []): Promise<void> {
  files += 1;
  const file = join(directory, `config-${files}.yaml`);
  writeFileSync(file, text);
  await resolveRuns(await loadExperiment({ file, assignments }, registry), registry);
}

const wildNumber = fc.constantFrom(-1, 0, 0.5, 1, 2, 3, 4, 7, 16, 64, 1000, 2 ** 20, 2 ** 28, 2 ** 32, 1e15, 1e300);
const wildText = fc.constantFrom(
  '',
  './config-1.yaml',
  'cat',
  'mqar',
  'none',
  'rope',
  'learned',
  '..',
  '@a/b#c',
  '#',
  'toString',
  '\u001b[2J',
  '实验',
);
const wildKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'length',
  'specVersion',
  'mixer',
  'a.b',
  '',
);
const { wild } = fc.letrec((tie) => ({
  wild: fc.oneof(
    { maxDepth: 3 },
    wildNumber,
    wildText,
    fc.constantFrom(null, true, false),
    fc.array(tie('wild'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(wildKey, fc.string({ maxLength: 3 })), tie('wild'), { maxKeys: 3 }),
  ),
}));

/** What is right, mostly. */
const usually = <T>(usual: T, wilder: fc.Arbitrary<unknown> = wild) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant<unknown>(usual) }, { weight: 1, arbitrary: wilder });

/** A part with one of its options at any value. */
function oddly(key: string, entries: readonly { name: string; packageName: string; part: { schema: z.ZodType } }[]) {
  return fc.constantFrom(...entries).chain(({ name, packageName, part: { schema } }) => {
    const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const option = fc.constantFrom(...Object.keys(properties).filter((known) => known !== 'dModel'));
    const value = fc.oneof({ weight: 4, arbitrary: wildNumber }, wildText, wild);
    return fc
      .tuple(option, value)
      .map((entry) => ({ [key]: `${packageName}#${name}`, ...Object.fromEntries([entry]) }));
  });
}
const layer = oddly('mixer', registry.mixers);
const filter = fc.oneof(
  usually(true),
  fc.record({ width: wildNumber, kind: usually('perHead') }, { requiredKeys: [] }),
);
const shortFilters = fc.record({ A: filter, B: filter, C: filter, D: filter }, { requiredKeys: [] });
const model = fc.record({
  layers: usually(['cat'], fc.array(fc.oneof(layer, wild), { maxLength: 2 })),
  nLayers: usually(2),
});
const config = fc.record({
  extends: usually('quick'),
  name: usually('实验', wildText),
  task: usually({ task: 'mqar', vocabSize: 32, seqLen: 16, numKvPairs: 4 }, oddly('task', registry.tasks)),
  model: fc.record({
    dModel: usually(16),
    positions: usually('learned'),
    channelMixer: fc.oneof(usually('mlp'), oddly('name', registry.channelMixers)),
    norm: fc.oneof(usually('rmsNorm'), oddly('name', registry.norms)),
    shortFilters: usually({ A: true }, shortFilters),
  }),
  models: fc.record({
    odd: fc.record({ layers: layer.map((one) => [one]) }),
    'v2.0': usually({ layers: ['cat'] }, model),
    'Attention, 2 layers': usually(null, model),
  }),
  train: fc.record({
    batchSize: usually(8, wildNumber),
    epochs: usually(2, wildNumber),
    stepsPerEpoch: usually(2, wildNumber),
    testExamples: usually(8, wildNumber),
    freshExamples: usually(false),
  }),
  testLengths: usually([], fc.array(wildNumber, { maxLength: 3 })),
  seeds: usually([0], fc.array(wildNumber, { maxLength: 3 })),
  learningRates: usually([0.01], fc.array(wildNumber, { maxLength: 3 })),
  search: usually(null), // its rungs have more epochs than these
  sweep: usually({}, fc.record({ dims: fc.array(wildNumber), lengths: fc.array(fc.oneof(wildNumber, wild)) })),
  engine: usually('wasm'),
});

const oneOf = (texts: string) => fc.constantFrom(...texts.split('  '));
const yamlPart = fc.oneof(
  oneOf(
    'models:  train:   {  }  [  ]  :   -   ?   &a   *a  <<:   !!binary   !x   "  \'  |  >-  # a  `  ~  .inf  1_000  a',
  ),
  fc.constantFrom('\n', '\n  ', '\n---\n', '%YAML 9\n', '\t', '\u0000', '\ufeff', '__proto__: ', '- '),
);
const words = (maxLength: number) => fc.array(yamlPart, { maxLength }).map((parts) => parts.join(''));
const path = fc.oneof(
  oneOf(
    'train.epochs  train  task  task.seqLen  models  models."a.b"  name  extends  testLengths  model.dModel  seeds.0',
  ),
  oneOf('model.channelMixer.name  sweep.dims  sweep.lengths  sweep.lengths.0.seqLen  learningRates  engine'),
  oneOf('.nLayers  .layers  .layers.0  .layers.0.mixer  .layers.0.filterWidth  .layers.1  .layers.0.block').map(
    (end) => `models.CAT, 1 layer${end}`,
  ),
  fc
    .array(oneOf('models  layers  0  9  mixer  "a.b"  "  =  __proto__  constructor'), { maxLength: 5 })
    .map((keys) => keys.join('.')),
);

describe('a config of any content', () => {
  it('resolves, or ends in an error for users', async () => {
    await fc.assert(
      fc.asyncProperty(config, (content) => onlyZooErrors(() => resolveText(JSON.stringify(content)))),
      { numRuns: 400 },
    );
  });

  it('resolves, or ends in an error for users, where it is hardly YAML', async () => {
    const text = fc.tuple(fc.constantFrom('', 'extends: paper-cell\n'), words(10)).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.string({ unit: 'binary' })), (content) =>
        onlyZooErrors(() => resolveText(content)),
      ),
      { numRuns: 400 },
    );
  });

  it('resolves, or ends in an error for users, with anything assigned', async () => {
    const value = fc.oneof(
      wildNumber,
      words(4),
      wild.map((content) => JSON.stringify(content)),
    );
    const assignment = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(path, value).map((sides) => sides.join('=')) },
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(assignment, { minLength: 1, maxLength: 2 }), (assignments) =>
        onlyZooErrors(() => resolveText('extends: paper-cell', assignments)),
      ),
      { numRuns: 400 },
    );
  });
});
