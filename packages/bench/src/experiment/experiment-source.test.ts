import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { discoverPlugins } from '../plugins.js';
import { quick } from '../presets/quick.js';
import { type ExperimentSource, loadExperiment, parseTarget } from './experiment-source.js';

const registry = await discoverPlugins(process.cwd());
const load = async (source: ExperimentSource) => (await loadExperiment(source, registry)).experiment;

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-source-'));
const write = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

describe('loadExperiment', () => {
  it('lets a file override the preset, a flag the file, and keeps the rest', async () => {
    const file = write('over.yaml', 'extends: quick\ntrain: { epochs: 5, batchSize: 8 }\n');
    const preset = await load({ preset: 'quick', assignments: [] });
    const merged = await load({ file, assignments: ['train.epochs=3', 'testLengths=[64]'] });
    expect(merged.train.epochs).toBe(3); // flag
    expect(merged.train.batchSize).toBe(8); // file
    expect(merged.train.stepsPerEpoch).toBe(preset.train.stepsPerEpoch); // preset
    expect(merged.train.eps).toBe(1e-8); // default
    expect(merged.testLengths).toEqual([64]);
    expect(merged.name).toBe('over');
  });

  it('counts paths of data from the file that names them, of a flag from the working directory', async () => {
    mkdirSync(join(directory, 'base'), { recursive: true });
    const model = 'models: { One: { layers: [attention] } }\n';
    write('base/text.yaml', `task: { task: text, data: data, seqLen: 16 }\n${model}`);
    const over = write('over-text.yaml', 'extends: ./base/text.yaml\ntrain: { epochs: 2 }\n');
    const named = write('named-text.yaml', 'extends: ./base/text.yaml\ntask: { data: ../other }\n');
    const swept = write(
      'swept-text.yaml',
      `extends: ./base/text.yaml\nsweep: { lengths: [8, { seqLen: 16, data: long }] }\n`,
    );
    const other = write('recall.yaml', `task: { task: mqar, data: data }\n${model}`);
    expect((await load({ file: over, assignments: [] })).task['data']).toBe(join(directory, 'base', 'data'));
    expect((await load({ file: named, assignments: [] })).task['data']).toBe(join(directory, '..', 'other'));
    expect((await load({ file: named, assignments: ['task.data=here'] })).task['data']).toBe('here');
    expect((await load({ file: swept, assignments: [] })).sweep.lengths).toEqual([
      8,
      { seqLen: 16, data: join(directory, 'long') },
    ]);
    expect((await load({ file: other, assignments: [] })).task['data']).toBe('data'); // no path, a mistake to name
  });

  it('lets a budget in tokens take the place of one in steps, and the other way', async () => {
    const tokens = write('tokens.yaml', 'extends: quick\ntrain: { tokens: 9000, evaluations: 3, testTokens: 100 }\n');
    const steps = write('steps.yaml', 'extends: ./tokens.yaml\ntrain: { stepsPerEpoch: 7 }\n');
    expect((await load({ file: tokens, assignments: [] })).train).toMatchObject({ tokens: 9000, evaluations: 3 });
    for (const train of [
      (await load({ file: steps, assignments: [] })).train,
      (await load({ file: tokens, assignments: ['train.stepsPerEpoch=7'] })).train,
      (await load({ file: tokens, assignments: ['train.tokens=5', 'train={stepsPerEpoch: 7, testTokens: 100}'] }))
        .train,
    ]) {
      expect(train).toMatchObject({ stepsPerEpoch: 7, testTokens: 100 });
      expect(train).not.toHaveProperty('tokens');
      expect(train).not.toHaveProperty('evaluations');
    }
    const back = await load({ file: steps, assignments: ['train.tokens=800', 'train.testExamples=4'] });
    expect(back.train).toMatchObject({ tokens: 800, testExamples: 4 });
    expect(back.train).not.toHaveProperty('testTokens');
    const both = write('both.yaml', 'extends: quick\ntrain: { tokens: 9000, epochs: 3 }\n');
    await expect(load({ file: both, assignments: [] })).rejects.toThrow(
      /both\.yaml: train: expected tokens and evaluations or epochs and stepsPerEpoch, got tokens and epochs\. Leave one/,
    );
    await expect(load({ preset: 'quick', assignments: ['train={warmupSteps: 1, warmupTokens: 9}'] })).rejects.toThrow(
      /--set train=.*: train: expected warmupTokens or warmupSteps, got/,
    );
  });

  it('adds, replaces and leaves out models by label', async () => {
    const file = write(
      'models.json',
      JSON.stringify({
        extends: 'quick',
        models: { 'CAT, 1 layer': null, Mine: { layers: ['my-package'] }, 'LinCAT, 1 layer': { layers: ['x'] } },
      }),
    );
    const { models } = await load({ file, assignments: [] });
    expect(Object.keys(models)).not.toContain('CAT, 1 layer');
    expect(models['Mine']?.layers).toEqual(['my-package']);
    expect(models['LinCAT, 1 layer']?.layers).toEqual(['x']);
  });

  it('keeps the models that `only` names, its own too, and those that configs on top add', async () => {
    const labels = async (source: ExperimentSource) => Object.keys((await load(source)).models);
    const own = 'models: { Mine: { layers: [x] }, Other: { layers: [y] } }\n';
    const kept = write('kept.yaml', `extends: quick\n${own}only: ['CAT, 1 layer', Mine]\n`);
    expect(await labels({ file: kept, assignments: [] })).toEqual(['CAT, 1 layer', 'Mine']);
    const further = write('further.yaml', 'extends: ./kept.yaml\nmodels: { Third: { layers: [z] } }\n');
    expect(await labels({ file: further, assignments: [] })).toEqual(['CAT, 1 layer', 'Mine', 'Third']);
    const fewer = write('fewer.yaml', 'extends: ./further.yaml\nonly: [Third]\n');
    expect(await labels({ file: fewer, assignments: [] })).toEqual(['Third']);
    expect(await labels({ file: further, assignments: ['only=[Mine]', 'models.Mine.nLayers=2'] })).toEqual(['Mine']);
    expect(await labels({ preset: 'quick', assignments: ['only=["CAT, 1 layer"]'] })).toEqual(['CAT, 1 layer']);
    const rates = await load({ file: kept, assignments: ['only=[Mine]', 'models.Mine.learningRates=[0.5]'] });
    expect(rates.models['Mine']?.learningRates).toEqual([0.5]);
  });

  it.each([
    [
      'only=[Cat]',
      /--set only: expected labels of models, got 'Cat'\. Did you mean 'CAT, 1 layer'\? Labels: 'CAT, 1 layer', 'BaseConv \+ attention', /,
    ],
    ['only=["CAT, 1 layers"]', /got 'CAT, 1 layers'\. Did you mean 'CAT, 1 layer'\? Labels: /],
    ['only=[a, b]', /got 'a', 'b'\. Labels: /],
    ['only=[]', /expected a list of labels of models, got \[\]\. Labels: 'CAT/],
    ['only=CAT', /expected a list of labels of models, got "CAT"\. Labels: /],
  ])('refuses --set %s with the labels that there are', async (assignment, message) => {
    await expect(load({ preset: 'quick', assignments: [assignment] })).rejects.toThrow(message);
  });

  it('says which config keeps a model that is left out below it', async () => {
    const file = write('left-out.yaml', "extends: quick\nmodels: { 'CAT, 1 layer': null }\nonly: ['CAT, 1 layer']\n");
    await expect(load({ file, assignments: [] })).rejects.toThrow(
      /left-out\.yaml: only: expected labels of models, got 'CAT, 1 layer'\./,
    );
  });

  it("does not mix the options of the preset's task into another task", async () => {
    const file = write('task.yaml', 'extends: quick\ntask: { task: other, size: 3 }\n');
    expect((await load({ file, assignments: [] })).task).toEqual({ task: 'other', size: 3 });
    const same = write('same.yaml', 'extends: quick\ntask: { task: mqar, seqLen: 32 }\n');
    expect((await load({ file: same, assignments: [] })).task).toMatchObject({
      vocabSize: quick.task!['vocabSize'],
      seqLen: 32,
    });
  });

  it('reads TypeScript', async () => {
    const file = write(
      'typed.config.ts',
      "const epochs: number = 7;\nexport default { extends: 'quick', train: { epochs } };",
    );
    const experiment = await load({ file, assignments: [] });
    expect(experiment.train.epochs).toBe(7);
    expect(experiment.name).toBe('typed');
  });

  it('sets a value in a list', async () => {
    const assignments = ['models.CAT, 1 layer.layers.0.nHeads=2'];
    const { models } = await load({ preset: 'paper-cell', assignments });
    expect(models['CAT, 1 layer']?.layers[0]).toMatchObject({ mixer: '@mixerzoo/cat#cat', nHeads: 2 });
  });

  it('addresses labels with dots and signs of equality: the longest that is there, or one in quotes', async () => {
    const file = write(
      'labels.yaml',
      'extends: quick\nmodels: { Mamba v2.0: { layers: [mamba] }, W = 3: { layers: [cat] }, Mamba v2: { layers: [cat] } }\n',
    );
    const assignments = [
      'models.Mamba v2.0.nLayers=2',
      'models."Mamba v2".nLayers=3',
      'models.W = 3.nLayers=4',
      "models.'new v1.0'.layers=[cat]",
    ];
    const { models } = await load({ file, assignments });
    const own = ['Mamba v2.0', 'Mamba v2', 'W = 3', 'new v1.0'].map((label) => models[label]?.nLayers);
    expect(own).toEqual([2, 3, 4, undefined]);
    expect(models['new v1.0']?.layers).toEqual(['cat']);
    expect(Object.keys(models)).toHaveLength(9 + 4);
  });

  it('sets options beside what stands alone: a mixer, a channel mixer, a length', async () => {
    const file = write(
      'bare.mjs',
      `const made = Object.freeze({ specVersion: 1, name: 'made', apply() {} });
      export default { extends: 'quick', model: { channelMixer: 'mlp' }, sweep: { lengths: [64, 128] },
        models: { A: { layers: ['cat', made] } } };`,
    );
    const assignments = [
      'models.A.layers.0.nHeads=2',
      'models.A.layers.1.nHeads=2',
      'model.channelMixer.dHidden=8',
      'sweep.lengths.1.numKvPairs=4',
    ];
    const { models, model, sweep } = await load({ file, assignments });
    expect(models['A']?.layers[0]).toEqual({ mixer: 'cat', nHeads: 2 });
    expect(models['A']?.layers[1]).toMatchObject({ mixer: { name: 'made' }, nHeads: 2 });
    expect(model.channelMixer).toEqual({ name: 'mlp', dHidden: 8 });
    expect(sweep.lengths).toEqual([64, { seqLen: 128, numKvPairs: 4 }]);
  });

  it.each([
    ['a value that is no YAML', ['description=[a'], /^--set description: expected YAML, got a fault in it: /],
    ['an alias of itself', ['task=&a { x: *a }'], /^--set task: .*YAML|x: expected data that ends/],
    ['a key that objects have of their own', ['__proto__.polluted=1'], /^--set: expected another key, got '__proto__'/],
    [
      'such a key in a value',
      ['models={ __proto__: { layers: [cat] } }'],
      /^--set models: expected another key, got '__proto__'/,
    ],
    ['a path without a key', ['train..epochs=1'], /^--set: expected path=value, got 'train\.\.epochs=1'/],
    ['a path that goes on after quotes', ['models."A"x.nLayers=1'], /^--set: expected path=value/],
    ['an index past the end', ['learningRates.7=0.1'], /--set learningRates\.7: expected an index up to 3/],
    [
      'a label of two lines',
      ['models={ "a\\nb": { layers: [cat] } }'],
      /models: expected labels of one line, without control characters, got "a\\nb"/,
    ],
    [
      'a label twice',
      ['models={ "\\u00e9": { layers: [cat] }, "e\\u0301": { layers: [gla] } }'],
      /models: expected labels that look different/,
    ],
    ['layers without end', ['models.CAT, 1 layer.nLayers=4294967296'], /nLayers: too big: .*1024, got 4294967296/],
    ['a misspelt section', ['trian.epochs=3'], /unknown key 'trian'.*Did you mean 'train'/],
    ['a misspelt choice of models', ['onyl=[CAT]'], /unknown key 'onyl'.*Did you mean 'only'/],
    ['what only a file says', ['extends=quick'], /extends: expected none of --set: it is said in a config file/],
    ['a key of another tool', ['lr=[0.1]'], /unknown key 'lr'.*Did you mean 'learningRates'/],
    ['a key in another place', ['train.lr=[0.1]'], /train: unknown key 'lr'.*'learningRates', at the top level/],
    ['a misspelt key', ['train.epoch=3'], /train: unknown key 'epoch'.*Did you mean 'epochs'/],
    ['a value of the wrong type', ['train.epochs=many'], /train\.epochs: expected number, got "many"/],
    ['an assignment without a value', ['train.epochs'], /--set: expected path=value, got 'train\.epochs'/],
    [
      'a name in place of layers',
      ['models.A.layers=cat'],
      /models\.A\.layers: expected a list of layers, such as \[cat\], got "cat"/,
    ],
    [
      'a name in place of a model',
      ['models.A=cat'],
      /models\.A: expected a model, such as \{ layers: \[cat\] \}.*, got "cat"/,
    ],
    ['a list of models', ['models=[cat]'], /models: expected models by label, such as .*, got \["cat"\]/],
    ['a layer without a mixer', ['models.A.layers=[{ nHeads: 2 }]'], /models\.A\.layers\.0: expected a mixer's name/],
    ['no seeds', ['seeds=[]'], /seeds: /],
    ['a seed of more than 32 bits', ['seeds=[4294967296]'], /seeds\.0: .*4294967296/],
    ['a name that leads out of the directory', ['name=..'], /name: expected letters/],
    ['a name that makes a hidden directory', ['name=.mine'], /name: expected letters/],
  ])('refuses %s', async (_what, assignments, message) => {
    await expect(load({ preset: 'quick', assignments })).rejects.toThrow(message);
  });

  it('names an experiment after its file, but not as a hidden or a nameless one', async () => {
    const nameOf = async (name: string) =>
      (await load({ file: write(name, 'extends: quick\n'), assignments: [] })).name;
    expect(await nameOf('.mine.yaml')).toBe('mine');
    expect(await nameOf('опыт.yaml')).toBe('опыт');
    expect(await nameOf('实验.yaml')).not.toBe(await nameOf('对照.yaml'));
    const given = await load({ preset: 'quick', assignments: ['name=实验'] });
    expect(given.name).toBe('实验');
  });

  it('refuses a base that is no name, and a file on top of another preset than its own', async () => {
    const number = write('number.yaml', 'extends: 3\n');
    await expect(load({ file: number, assignments: [] })).rejects.toThrow(/unknown preset '3'/);
    const file = write('own.yaml', 'extends: paper-cell\n');
    await expect(load({ file, preset: 'quick', assignments: [] })).rejects.toThrow(
      /own\.yaml: expected a file on top of the preset 'quick', got one that extends 'paper-cell'/,
    );
    expect((await load({ file, preset: 'paper-cell', assignments: [] })).name).toBe('own');
  });

  it('stands on other files, each by its path from the file that names it, and flags on top of all', async () => {
    mkdirSync(join(directory, 'shared'), { recursive: true });
    write(
      'shared/base.yaml',
      'name: base\ndescription: Of the base\nextends: quick\ntrain: { epochs: 5, batchSize: 8 }\n',
    );
    const middle = write(
      'middle.mjs',
      "export default { extends: './shared/base.yaml', train: { epochs: 4 }, models: { 'CAT, 1 layer': null } };",
    );
    const file = write('shared/top.json', '{ "extends": "../middle.mjs", "train": { "clipNorm": 2 } }');
    const { experiment, files } = await loadExperiment({ file, assignments: ['train.clipNorm=1'] }, registry);
    expect(experiment.train).toMatchObject({ epochs: 4, batchSize: 8, clipNorm: 1, stepsPerEpoch: 50 });
    expect(Object.keys(experiment.models)).toHaveLength(Object.keys(quick.models!).length - 1);
    expect(experiment).toMatchObject({ name: 'top', description: '' });
    expect(files).toEqual([file, middle, join(directory, 'shared', 'base.yaml')]);
  });

  it('refuses files that extend each other, and ones that are not there', async () => {
    const a = write('a.yaml', 'extends: ./b.yaml\n');
    const b = write('b.yaml', 'extends: ./c.mjs\n');
    const c = write('c.mjs', "export default { extends: './a.yaml' };");
    await expect(load({ file: a, assignments: [] })).rejects.toThrow(
      `${a}: extends: expected configs that end, got ${[a, b, c, a].join(' -> ')}. Leave out one of these.`,
    );
    const lost = write('lost.yaml', 'extends: ./nowhere.yaml\n');
    await expect(load({ file: lost, assignments: [] })).rejects.toThrow(
      /lost\.yaml: extends: expected a config file, got '\.\/nowhere\.yaml', which does not exist/,
    );
    const bare = write('bare.yaml', 'extends: lost.yaml\n');
    await expect(load({ file: bare, assignments: [] })).rejects.toThrow(
      /unknown preset 'lost\.yaml'.*A file beside this one is '\.\/lost\.yaml'/,
    );
    const other = write('other.yaml', 'extends: ./own.yaml\n');
    write('own.yaml', 'extends: paper-cell\n');
    await expect(load({ file: other, preset: 'quick', assignments: [] })).rejects.toThrow(/extends 'paper-cell'/);
  });

  it('refuses an unknown base, a file without an experiment, and one that fails', async () => {
    const unknown = write('unknown.yaml', 'extends: quik\n');
    await expect(load({ file: unknown, assignments: [] })).rejects.toThrow(/preset 'quik'.*'quick'/);
    const empty = write('empty.config.ts', 'export const nothing = 1;');
    await expect(load({ file: empty, assignments: [] })).rejects.toThrow(/no default export/);
    const nothing = write('nothing.yaml', '# later\n');
    await expect(load({ file: nothing, assignments: [] })).rejects.toThrow(/got an empty file.*`extends/);
    const broken = write('broken.yaml', 'train: { epochs: [');
    await expect(load({ file: broken, assignments: [] })).rejects.toThrow(/broken\.yaml/);
  });
});

describe('a config file', () => {
  const loadText = (name: string, text: string) => load({ file: write(name, text), assignments: [] });

  it.each([
    [
      'an alias within itself',
      'loop.yaml',
      'extends: quick\nmodels: &m { A: { layers: [cat], model: *m } }\n',
      /value within itself/,
    ],
    ['aliases of aliases', 'bomb.yaml', bomb(), /expected YAML, .*[Aa]lias/],
    [
      'a key that is there twice',
      'twice.json',
      '{ "extends": "quick", "extends": "paper-cell" }',
      /Map keys must be unique/,
    ],
    [
      'the key __proto__',
      'proto.json',
      '{ "extends": "quick", "train": { "__proto__": { "epochs": 3 } } }',
      /train: expected another key, got '__proto__'/,
    ],
    ['a tag without a meaning', 'tag.yaml', 'extends: quick\nname: !date 2024-01-01\n', /Unresolved tag: !date/],
    ['lists without end', 'deep.yaml', '{ a: '.repeat(20_000), /deep\.yaml: expected at most 64 levels/],
    [
      'levels without end',
      'levels.yaml',
      `extends: ${'['.repeat(500)}${']'.repeat(500)}`,
      /expected at most 64 levels/,
    ],
    [
      'values without end',
      'many.yaml',
      `seeds: [${'0,'.repeat(20_000)}]`,
      /expected at most 10000 keys and values, got more/,
    ],
    [
      'more text than a config has',
      'large.yaml',
      `#${' '.repeat(2 ** 20)}`,
      /expected a config of at most 1048576 bytes, got 1048577/,
    ],
    [
      'a bigint',
      'bigint.mjs',
      "export default { extends: 'quick', seeds: [1n] };",
      /seeds\.0: expected a number, got the bigint 1n/,
    ],
    [
      'an object within itself',
      'circular.mjs',
      "const a = { extends: 'quick' }; a.task = a; export default a;",
      /task: expected data that ends/,
    ],
    [
      'a key that throws',
      'throws.mjs',
      "export default { get models() { throw new Error('no luck'); } };",
      /throws\.mjs: no luck/,
    ],
    ['an object of a class', 'class.mjs', 'export default new Map();', /got an object of a class/],
  ])('with %s is refused', async (_what, name, text, message) => {
    const error = await loadText(name, text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invalid-config', message: expect.stringMatching(message) });
    expect((error as Error).message.length).toBeLessThan(600);
    expect(({} as Record<string, unknown>)['epochs']).toBeUndefined();
  });

  it('is text in UTF-8, with or without its mark', async () => {
    const marked = write('marked.yaml', '\ufeffextends: quick\nname: marked\n');
    expect((await load({ file: marked, assignments: [] })).name).toBe('marked');
    const utf16 = write('utf16.yaml', '');
    writeFileSync(utf16, Buffer.from('\ufeffextends: quick\n', 'utf16le'));
    await expect(load({ file: utf16, assignments: [] })).rejects.toThrow(/expected text in UTF-8/);
  });
});

/** Five levels of ten aliases each: 100,000 lists. */
function bomb(): string {
  const levels = 'abcde'.split('').map((name, index, names) => {
    const inner = index === 0 ? 'x' : `*${names[index - 1]}`;
    return `${name}: &${name} [${Array(10).fill(inner).join(', ')}]`;
  });
  return `${levels.join('\n')}\n`;
}

describe('the engine', () => {
  afterEach(() => vi.unstubAllEnvs());
  const engineOf = async (text: string, ...assignments: string[]) =>
    (await load({ file: write('engine.yaml', text), assignments })).engine;

  it('is that of the flag, of the file, of MIXERZOO_ENGINE, or auto, in this order', async () => {
    vi.stubEnv('MIXERZOO_ENGINE', 'cpu');
    expect(await engineOf('extends: quick\nengine: webgpu\n', 'engine=wasm')).toBe('wasm');
    expect(await engineOf('extends: quick\nengine: auto\n')).toBe('auto');
    expect(await engineOf('extends: quick\n')).toBe('cpu');
    vi.stubEnv('MIXERZOO_ENGINE', '');
    expect(await engineOf('extends: quick\n')).toBe('auto');
  });

  it('is refused by the name of the variable', async () => {
    vi.stubEnv('MIXERZOO_ENGINE', 'wasn');
    await expect(engineOf('extends: quick\n')).rejects.toThrow(
      /^MIXERZOO_ENGINE: unknown engine 'wasn'.*Did you mean 'wasm'/,
    );
    expect(await engineOf('extends: quick\nengine: cpu\n')).toBe('cpu');
  });
});

describe('parseTarget', () => {
  it('tells presets from files and finds the config of a directory', async () => {
    const parse = (target: string | undefined, cwd: string) => parseTarget(target, cwd, registry);
    const file = write('mixerzoo.config.yaml', 'extends: quick\n');
    expect(await parse('quick', directory)).toEqual({ preset: 'quick' });
    expect(await parse('mixerzoo.config.yaml', directory)).toEqual({ file });
    expect(await parse(undefined, directory)).toEqual({ file });
    expect(await parse(undefined, join(directory, 'empty'))).toEqual({ preset: 'quick' });
    await expect(parse('quik', directory)).rejects.toThrow(/unknown preset 'quik'.*'quick'/);
    await expect(parse('gone.yaml', directory)).rejects.toThrow(/does not exist/);
  });
});
