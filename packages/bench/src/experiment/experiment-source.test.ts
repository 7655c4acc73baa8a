import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadExperiment, parseTarget } from './experiment-source.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-source-'));
const write = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

describe('loadExperiment', () => {
  it('lets a file override the preset, a flag the file, and keeps the rest', async () => {
    const file = write('over.yaml', 'extends: quick\ntrain: { epochs: 5, batchSize: 8 }\n');
    const preset = await loadExperiment({ preset: 'quick', assignments: [] });
    const merged = await loadExperiment({ file, assignments: ['train.epochs=3', 'testLengths=[64]'] });
    expect(merged.train.epochs).toBe(3); // flag
    expect(merged.train.batchSize).toBe(8); // file
    expect(merged.train.stepsPerEpoch).toBe(preset.train.stepsPerEpoch); // preset
    expect(merged.train.weightDecay).toBe(0.1); // default
    expect(merged.testLengths).toEqual([64]);
    expect(merged.name).toBe('over');
  });

  it('adds, replaces and leaves out models by label', async () => {
    const file = write(
      'models.json',
      JSON.stringify({
        extends: 'quick',
        models: { 'CAT, 1 layer': null, Mine: { layers: ['my-package'] }, 'LinCAT, 1 layer': { layers: ['x'] } },
      }),
    );
    const { models } = await loadExperiment({ file, assignments: [] });
    expect(Object.keys(models)).not.toContain('CAT, 1 layer');
    expect(models['Mine']?.layers).toEqual(['my-package']);
    expect(models['LinCAT, 1 layer']?.layers).toEqual(['x']);
  });

  it("does not mix the options of the preset's task into another task", async () => {
    const file = write('task.yaml', 'extends: quick\ntask: { task: other, size: 3 }\n');
    expect((await loadExperiment({ file, assignments: [] })).task).toEqual({ task: 'other', size: 3 });
  });

  it('reads TypeScript', async () => {
    const file = write(
      'typed.config.ts',
      "const epochs: number = 7;\nexport default { extends: 'quick', train: { epochs } };",
    );
    const experiment = await loadExperiment({ file, assignments: [] });
    expect(experiment.train.epochs).toBe(7);
    expect(experiment.name).toBe('typed');
  });

  it('sets a value in a list', async () => {
    const assignments = ['models.CAT, 1 layer.layers.0.nHeads=2'];
    const { models } = await loadExperiment({ preset: 'quick', assignments });
    expect(models['CAT, 1 layer']?.layers[0]).toMatchObject({ mixer: 'cat', nHeads: 2 });
  });

  it.each([
    ['a misspelt section', ['trian.epochs=3'], /unknown key 'trian'.*Did you mean 'train'/],
    ['a misspelt key', ['train.epoch=3'], /train: unknown key 'epoch'.*Did you mean 'epochs'/],
    ['a value of the wrong type', ['train.epochs=many'], /train\.epochs: expected number, got "many"/],
    ['an assignment without a value', ['train.epochs'], /--set: expected path=value, got 'train\.epochs'/],
    ['a layer without a mixer', ['models.A.layers=[{ nHeads: 2 }]'], /models\.A\.layers\.0: expected a mixer's name/],
    ['no seeds', ['seeds=[]'], /seeds: /],
    ['a seed of more than 32 bits', ['seeds=[4294967296]'], /seeds\.0: .*4294967296/],
    ['a name that leads out of the directory', ['name=..'], /name: expected letters/],
    ['a name that makes a hidden directory', ['name=.mine'], /name: expected letters/],
  ])('refuses %s', async (_what, assignments, message) => {
    await expect(loadExperiment({ preset: 'quick', assignments })).rejects.toThrow(message);
  });

  it('names an experiment after its file, but not as a hidden or a nameless one', async () => {
    const nameOf = async (name: string) =>
      (await loadExperiment({ file: write(name, 'extends: quick\n'), assignments: [] })).name;
    expect(await nameOf('.mine.yaml')).toBe('mine');
    expect(await nameOf('опыт.yaml')).toBe('experiment');
  });

  it('refuses a base that is no name, and a file on top of another preset than its own', async () => {
    const number = write('number.yaml', 'extends: 3\n');
    await expect(loadExperiment({ file: number, assignments: [] })).rejects.toThrow(/unknown preset '3'/);
    const file = write('own.yaml', 'extends: paper-cell\n');
    await expect(loadExperiment({ file, preset: 'quick', assignments: [] })).rejects.toThrow(
      /own\.yaml: expected a file on top of the preset 'quick', got one that extends 'paper-cell'/,
    );
    expect((await loadExperiment({ file, preset: 'paper-cell', assignments: [] })).name).toBe('own');
  });

  it('refuses an unknown base, a file without an experiment, and one that fails', async () => {
    const unknown = write('unknown.yaml', 'extends: quik\n');
    await expect(loadExperiment({ file: unknown, assignments: [] })).rejects.toThrow(/preset 'quik'.*'quick'/);
    const empty = write('empty.config.ts', 'export const nothing = 1;');
    await expect(loadExperiment({ file: empty, assignments: [] })).rejects.toThrow(/no default export/);
    const nothing = write('nothing.yaml', '# later\n');
    await expect(loadExperiment({ file: nothing, assignments: [] })).rejects.toThrow(/got an empty file.*`extends/);
    const broken = write('broken.yaml', 'train: { epochs: [');
    await expect(loadExperiment({ file: broken, assignments: [] })).rejects.toThrow(/broken\.yaml/);
  });
});

describe('parseTarget', () => {
  it('tells presets from files and finds the config of a directory', () => {
    const file = write('mixerzoo.config.yaml', 'extends: quick\n');
    expect(parseTarget('quick', directory)).toEqual({ preset: 'quick' });
    expect(parseTarget('mixerzoo.config.yaml', directory)).toEqual({ file });
    expect(parseTarget(undefined, directory)).toEqual({ file });
    expect(parseTarget(undefined, join(directory, 'empty'))).toEqual({ preset: 'quick' });
    expect(() => parseTarget('quik', directory)).toThrow(/unknown preset 'quik'.*'quick'/);
    expect(() => parseTarget('gone.yaml', directory)).toThrow(/does not exist/);
  });
});
