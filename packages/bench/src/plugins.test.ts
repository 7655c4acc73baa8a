import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExperimentConfig } from './experiment/experiment.js';
import { loadExperiment } from './experiment/experiment-source.js';
import { resolveRuns } from './experiment/resolve-runs.js';
import { experiments } from './figures/experiments.js';
import { experimentAt } from './figures/figure.js';
import { discoverPlugins, findPart, qualifiedName } from './plugins.js';

const LISTS = (lists: string) => `export const plugin = { specVersion: 1, mixers: [], tasks: [], ${lists} };`;
const PLUGIN = (names: readonly string[], specVersion = 1) => `
const factory = (name) => Object.assign((config) => ({ specVersion: 1, name, config }), { mixerName: name, summary: '', schema: {} });
export const plugin = { specVersion: ${specVersion}, mixers: ${JSON.stringify(names)}.map(factory), tasks: [] };`;

function install(
  directory: string,
  name: string,
  code: string,
  keywords: readonly string[] = ['mixerzoo-plugin'],
): string {
  mkdirSync(directory, { recursive: true });
  const exports = { '.': { import: './index.js' } };
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name, version: '1.2.3', type: 'module', keywords, exports }),
  );
  writeFileSync(join(directory, 'index.js'), code);
  return directory;
}

const root = mkdtempSync(join(tmpdir(), 'mixerzoo-plugins-'));
const cwd = join(root, 'project', 'deep');
mkdirSync(cwd, { recursive: true });
const at = (name: string) => join(root, 'project', 'node_modules', name);
install(at('plain-plugin'), 'plain-plugin', PLUGIN(['plain']));
install(at('@scope/two'), '@scope/two', PLUGIN(['first', 'second']));
install(at('no-keyword'), 'no-keyword', PLUGIN(['quiet']), []);
install(at('broken'), 'broken', 'throw new Error("no such luck");');
const unbuilt = install(at('unbuilt'), 'unbuilt', PLUGIN(['later']));
const toBuild = { types: './dist/index.d.ts', '@mixerzoo/none': './src/index.ts', default: './dist/index.js' };
const manifest = { name: 'unbuilt', type: 'module', keywords: ['mixerzoo-plugin'], exports: { '.': toBuild } };
writeFileSync(join(unbuilt, 'package.json'), JSON.stringify({ ...manifest, scripts: { build: 'tsc' } }));
const cut = install(at('cut'), 'cut', PLUGIN(['lost']));
writeFileSync(join(cut, 'package.json'), JSON.stringify({ ...manifest, name: 'cut', exports: './dist/index.js' }));
install(at('leaves'), 'leaves', 'process.exit(0);');
install(at('no-lists'), 'no-lists', 'export const plugin = { specVersion: 1, mixers: { gain: 1 }, tasks: [] };');
install(at('damaged'), 'damaged', PLUGIN(['lost']));
writeFileSync(join(at('damaged'), 'package.json'), '{"name": "dam');
install(at('from-the-future'), 'from-the-future', PLUGIN(['late'], 2));
const ANOTHER = (key: string, name: string, specVersion: number) =>
  `Object.assign(() => ({ specVersion: ${specVersion}, name: '${name}', config: {}, apply() {} }), { ${key}: '${name}', summary: '', schema: {} })`;
install(
  at('parts-of-others'),
  'parts-of-others',
  `export const plugin = { specVersion: 1, mixers: [${ANOTHER('mixerName', 'older', 0)}], tasks: [${ANOTHER('taskName', 'laterTask', 2)}] };`,
);
install(at('shadow'), 'shadow', PLUGIN(['plain2']));
install(join(root, 'node_modules', 'shadow'), 'shadow', PLUGIN(['outer']));
install(at('another-first'), 'another-first', PLUGIN(['first', 'linCat', 'cat']));
install(
  at('another-quick'),
  'another-quick',
  LISTS("presets: [{ name: 'quick' }], norms: [Object.assign(() => {}, { normName: 'rmsNorm' })]"),
);
const FIGURE = "{ id: 'odd', title: 'T', caption: 'C', x: 'height', rows: [], claims: [] }";
install(at('odd-figure'), 'odd-figure', LISTS(`figures: [${FIGURE}]`));
const COMPUTED = "{ id: 'odd', title: 'T', caption: 'C', compute: 1, rows: [], claims: [] }";
install(at('odd-computed'), 'odd-computed', LISTS(`figures: [${COMPUTED}]`));
install(at('odd-preset'), 'odd-preset', LISTS("presets: [{ name: 'odd', models: { A: { layers: [() => {}] } } }]"));
install(at('odd-name'), 'odd-name', LISTS("presets: [{ name: '../odd' }]"));
install(at('odd-model'), 'odd-model', LISTS("models: [{ name: 'odd', layers: [], nLayers: 2 }]"));
install(at('no-norms'), 'no-norms', LISTS('norms: [{}]'));
install(at('twice'), 'twice', LISTS("presets: [{ name: 'a' }, { name: 'a' }]"));
const TASK =
  "export const plugin = { specVersion: 1, mixers: [], tasks: [Object.assign(() => {}, { taskName: 'mqar' })] };";
install(at('another-mqar'), 'another-mqar', TASK);
const linked = install(join(root, 'workspace', 'linked'), 'linked', PLUGIN(['linked']));
mkdirSync(dirname(at('linked')), { recursive: true });
symlinkSync(linked, at('linked'), 'junction');

describe('discoverPlugins', async () => {
  const registry = await discoverPlugins(cwd);
  const names = registry.mixers.map((entry) => entry.name);

  it('finds packages with the keyword upwards, scoped and symlinked ones too, the nearest first', () => {
    expect(names).toEqual(expect.arrayContaining(['plain', 'first', 'second', 'linked', 'plain2']));
    expect(names).not.toContain('quiet');
    expect(names).not.toContain('outer');
  });

  it("finds this repository's mixers and tasks from the bench itself", () => {
    expect(names).toContain('attention');
    expect(registry.tasks.map((entry) => entry.name)).toContain('mqar');
  });

  it('notes plugins that do not load and goes on', () => {
    const faults = new Map(registry.faults.map(({ packageName, message }) => [packageName, message]));
    expect(faults.get('broken')).toMatch(/no such luck/);
    expect(faults.get('unbuilt')).toBe(
      `unbuilt: expected the file that its package.json names, got no ./dist/index.js in ${realpathSync(unbuilt)}. It is not built: run \`npm run build\` there.`,
    );
    expect(faults.get('cut')).toMatch(/^cut: .*got no \.\/dist\/index\.js in .*Build it, or install it again\.$/);
    expect(faults.get('leaves')).toMatch(/expected a module to import, got a call of process\.exit\(0\)/);
    expect(faults.get(at('damaged'))).toMatch(/package\.json cannot be read/);
    expect(faults.get('no-lists')).toMatch(
      /expected a list of mixers as its plugin's mixers, got something else\. Write `definePlugin/,
    );
    expect(faults.get('from-the-future')).toBe(
      'from-the-future: expected a plugin for version 1 of the contract, got 2. It was made for a newer @mixerzoo/core: ' +
        'update @mixerzoo/core and the packages that depend on it, or take an older release of what made it.',
    );
    expect(faults.get('odd-figure')).toMatch(/^odd-figure: figure 'odd':\n {2}- x: .*got "height".*\n {2}- rows: /s);
    expect(faults.get('odd-computed')).toMatch(/figure 'odd':.*compute: expected a function of the scale.*rows/s);
    expect(faults.get('odd-preset')).toMatch(/^odd-preset: preset 'odd': expected data, got functions/);
    expect(faults.get('odd-name')).toMatch(/^odd-name: preset '\.\.\/odd': expected letters.*it names a directory/);
    expect(faults.get('odd-model')).toMatch(
      /^odd-model: model 'odd': expected summary, layers, nLayers and model, and vocabSize where it has one, got name, layers, nLayers/,
    );
    expect(faults.get('no-norms')).toMatch(/expected a list of norms as its plugin's norms.*what defineNorm returns/);
    expect(faults.get('twice')).toMatch(/^twice: expected presets of different names, got two of 'a'/);
  });

  it('finds a mixer by its name, by its package, and by both', async () => {
    expect((await findPart(registry, 'mixers', 'plain')).name).toBe('plain');
    expect((await findPart(registry, 'mixers', 'no-keyword')).name).toBe('quiet');
    expect((await findPart(registry, 'mixers', '@scope/two#first')).name).toBe('first');
  });

  it('leaves presets and figures alone where a plugin has a mixer or task of the same name', async () => {
    await expect(findPart(registry, 'norms', 'rmsNorm')).rejects.toThrow(
      /'@mixerzoo\/core#rmsNorm' or 'another-quick#/,
    );
    await expect(findPart(registry, 'presets', 'quick')).rejects.toThrow(/'@mixerzoo\/bench#quick' or 'another-quick#/);
    await expect(findPart(registry, 'mixers', 'linCat')).rejects.toThrow(
      /'@mixerzoo\/cat#linCat' or 'another-first#linCat'/,
    );
    const ofFigures = Object.values(experiments).map((one) => ({
      inline: experimentAt(one, 'quick'),
      assignments: [],
    }));
    const own = registry.presets.filter(({ packageName }) => packageName === '@mixerzoo/bench');
    const presets = own.map((entry) => ({ preset: qualifiedName(entry), assignments: [] }));
    for (const source of [...presets, ...ofFigures]) {
      const runs = await resolveRuns(await loadExperiment(source, registry), registry);
      expect(runs.length).toBeGreaterThan(0);
    }
  });

  it('does not take a directory for a package', async () => {
    for (const name of ['..', '.', '@../x', '.bin'])
      await expect(findPart(registry, 'mixers', name)).rejects.toThrow(/unknown mixer/);
  });

  it('refuses what is ambiguous or unknown, and says what there is', async () => {
    await expect(findPart(registry, 'mixers', 'first')).rejects.toThrow(/'@scope\/two#first'/);
    await expect(findPart(registry, 'mixers', '@scope/two')).rejects.toThrow(
      /'@scope\/two#first', '@scope\/two#second'/,
    );
    await expect(findPart(registry, 'mixers', 'atention')).rejects.toThrow(/Did you mean 'attention'/);
    await expect(findPart(registry, 'channelMixers', 'swiglu')).rejects.toThrow(
      /unknown channel mixer 'swiglu'\. Did you mean 'swiGlu'/,
    );
    await expect(findPart(registry, 'figures', 'fig2-rigth')).rejects.toThrow(/Did you mean 'fig2-right'/);
    await expect(findPart(registry, 'mixers', 'nothing-like-it')).rejects.toThrow(/Not loaded: broken/);
  });

  it('refuses what was made for another version of its contract: a plugin, and what its factories make', async () => {
    await expect(findPart(registry, 'mixers', 'from-the-future#late')).rejects.toThrow(
      /^from-the-future: expected a plugin for version 1 of the contract, got 2/,
    );
    const resolve = async (inline: ExperimentConfig) =>
      resolveRuns(
        await loadExperiment({ inline: { extends: '@mixerzoo/bench#quick', ...inline }, assignments: [] }, registry),
        registry,
      );
    await expect(resolve({ models: { A: { layers: ['older'] } } })).rejects.toThrow(
      'models.A.layers.0: expected a mixer for version 1 of the contract, got 0. It was made for an older @mixerzoo/core: update the package that made it.',
    );
    await expect(resolve({ task: { task: 'laterTask' } })).rejects.toThrow(
      /task: expected a task for version 1 of the contract, got 2\. It was made for a newer @mixerzoo\/core/,
    );
    await expect(resolve({ models: { A: { layers: [{ specVersion: '1', apply() {} } as never] } } })).rejects.toThrow(
      'models.A.layers.0: expected a mixer for version 1 of the contract, got a string. Make it with defineMixer of @mixerzoo/core.',
    );
  });
});
