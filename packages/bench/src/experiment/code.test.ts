/** What of the code counts as a run's, in a project with packages and files of its own. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attention } from '@mixerzoo/attention';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { discoverPlugins, findPart } from '../plugins.js';
import { createCodeReader } from './code.js';
import { codeChanges } from './code-changes.js';
import { importModule } from './import-module.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'mixerzoo-code-')));
const project = join(root, 'project');
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): string {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function install(name: string, version: string, text: string, more: object = {}, at = `node_modules/${name}`): void {
  const manifest = { name, version, type: 'module', exports: './index.js', keywords: ['mixerzoo-plugin'], ...more };
  write(`${at}/package.json`, JSON.stringify(manifest));
  write(`${at}/index.js`, text);
}

const TRAINING = ['@mixerzoo/bench', '@mixerzoo/core', '@mixerzoo/tasks'];
const ZOO = { peerDependencies: { '@mixerzoo/core': '*' } };
const FACTORY = (name: string) =>
  `Object.assign((config) => ({ specVersion: 1, name: '${name}', config, apply() {} }), { mixerName: '${name}' })`;
const PLUGIN = (name: string) => `export const plugin = { specVersion: 1, mixers: [${FACTORY(name)}], tasks: [] };`;

write('package.json', '{"name": "project"}');
install('mz-a', '1.0.0', `import 'mz-base'; import 'plain-lib'; ${PLUGIN('gain')}`, ZOO);
install('mz-b', '1.0.0', PLUGIN('gain'), ZOO);
install('mz-base', '3.0.0', 'export const base = 1;', { ...ZOO, keywords: [] });
install('plain-lib', '4.5.6', 'export default 1;', { keywords: [] });
install('linked', '0.0.0', 'export const helper = 1;', { keywords: [] }, '../workspace/linked');
symlinkSync(join(root, 'workspace', 'linked'), join(project, 'node_modules', 'linked'), 'junction');
write('lib/gain.ts', 'export const gain: number = 1;\n');
write('lib/unused.ts', 'export const unused = 1;\n');
const mixers = write(
  'lib/my-mixers.ts',
  `import type { Nothing } from './not-there.js';
import lib from 'plain-lib';
import { helper } from 'linked';
import { gain } from './gain.js';
export const mine = ${FACTORY('mine')};
export const scale = (x: number): number => x * gain * lib * helper;
`,
);
const config = write(
  'my.config.ts',
  `import { mine } from './lib/my-mixers.js';
export const inline = { ...mine({}), apply() {} };
export default { models: { Mine: { layers: [mine] }, Inline: { layers: [inline] } } };
`,
);

const parts = (await importModule(config)) as { inline: object; default: { models: { Mine: { layers: [object] } } } };
const mine = parts.default.models.Mine.layers[0];

describe('the code of a run', () => {
  it('is that of its package: name, version, files, and the packages of the zoo below', async () => {
    const registry = await discoverPlugins(project);
    const reader = await createCodeReader([config]);
    const [a, b] = [
      (await findPart(registry, 'mixers', 'mz-a#gain')).part,
      (await findPart(registry, 'mixers', 'mz-b#gain')).part,
    ];
    const [fromA, fromB] = [await reader.sourceOf(a), await reader.sourceOf(b)];
    expect([reader.nameOf(fromA), reader.nameOf(fromB)]).toEqual(['mz-a', 'mz-b']);
    const [codeA, codeB] = [reader.read([fromA]), reader.read([fromB])];
    expect(Object.keys(codeA)).toEqual([...TRAINING, 'mz-a', 'mz-base']);
    expect(codeChanges(codeA, codeB)).toEqual(['mz-a left out', 'mz-b added', 'mz-base left out']);
    expect(codeA['mz-a']).toMatch(/^1\.0\.0 [0-9a-f]{12}$/);

    install('mz-base', '3.1.0', 'export const base = 1;', { ...ZOO, keywords: [] });
    const later = (await createCodeReader([config])).read([fromA]);
    expect(codeChanges(codeA, later)).toEqual(['mz-base 3.0.0 -> 3.1.0']);
  });

  it('is the same for a mixer by name, imported and made', async () => {
    const registry = await discoverPlugins(process.cwd());
    const reader = await createCodeReader();
    const source = await reader.sourceOf((await findPart(registry, 'mixers', 'attention')).part);
    expect(await reader.sourceOf(attention)).toBe(source);
    expect(await reader.sourceOf(attention({ dModel: 8 }))).toBe(source);
    expect(await reader.sourceOf({ ...attention({ dModel: 8 }) })).not.toBe(source);
  });

  it('is that of the file that defines it, all it imports, and versions of other packages', async () => {
    const reader = await createCodeReader([config]);
    const source = await reader.sourceOf(mine);
    expect(source).toBe(mixers);
    const code = reader.read([source]);
    const own = ['./lib/gain.ts', './lib/my-mixers.ts', ...TRAINING, 'linked', 'plain-lib'];
    expect(Object.keys(code)).toEqual(own);
    expect(code).toMatchObject({ 'plain-lib': '4.5.6' });
    const changes = async () => codeChanges(code, (await createCodeReader([config])).read([source]));
    expect(await changes()).toEqual([]);
    write('lib/unused.ts', 'export const unused = 2;\n');
    write('my.config.ts', `${readFileSync(config, 'utf8')}// Another seed.\n`);
    expect(await changes()).toEqual([]);
    write('lib/gain.ts', 'export const gain: number = 100;\n');
    expect(await changes()).toEqual(['./lib/gain.ts changed']);
    install('linked', '0.0.0', 'export const helper = 2;', { keywords: [] }, '../workspace/linked');
    expect(await changes()).toEqual(['./lib/gain.ts changed', 'linked changed']);
  });

  it('is that of the config for what is defined there, a changed copy of another mixer too', async () => {
    const reader = await createCodeReader([config]);
    const source = await reader.sourceOf(parts.inline);
    expect(reader.nameOf(source)).toBe('./my.config.ts');
    expect(Object.keys(reader.read([source]))).toEqual(
      expect.arrayContaining(['./my.config.ts', './lib/my-mixers.ts']),
    );
  });

  it('is found through the files that a config extends; a mixer defined in one of them is of that file and those below', async () => {
    write(
      'lib/base.mjs',
      `import { theirs } from './theirs.mjs';
export const inBase = ${FACTORY('inBase')};
export default { models: { Theirs: { layers: [theirs] }, InBase: { layers: [inBase] } } };
`,
    );
    write('lib/theirs.mjs', `export const theirs = ${FACTORY('theirs')};\n`);
    const [top, middle, base] = ['top.yaml', 'middle.mjs', 'lib/base.mjs'].map((path) => join(project, path));
    write('top.yaml', 'extends: ./middle.mjs\n');
    write('middle.mjs', "export default { extends: './lib/base.mjs' };\n");
    const { theirs } = (await importModule(join(project, 'lib/theirs.mjs'))) as { theirs: object };
    const { inBase } = (await importModule(base!)) as { inBase: object };
    const readerOf = () => createCodeReader([top!, middle!, base!]);
    const reader = await readerOf();
    expect(await reader.sourceOf(theirs)).toBe(join(project, 'lib/theirs.mjs'));
    const source = await reader.sourceOf(inBase);
    expect(source).toBe(middle);
    const code = reader.read([source]);
    expect(Object.keys(code)).toEqual(['./lib/base.mjs', './lib/theirs.mjs', './middle.mjs', ...TRAINING]);
    write('top.yaml', 'extends: ./middle.mjs\nseeds: [1]\n');
    expect(codeChanges(code, (await readerOf()).read([source]))).toEqual([]);
    write('lib/base.mjs', `${readFileSync(base!, 'utf8')}// Changed.\n`);
    expect(codeChanges(code, (await readerOf()).read([source]))).toEqual(['./lib/base.mjs changed']);
  });

  it('holds of this package what trains, and no words of pages and terminals', async () => {
    const bench = fileURLToPath(new URL('..', import.meta.url));
    const reached = (await createCodeReader()).reach([join(bench, 'runs', 'train-run.ts')]);
    const own = reached.filter((file) => file.startsWith(bench)).map((file) => file.slice(bench.length));
    expect(own).toContain('experiment/recipe.ts');
    const others = own.filter((file) => !/^runs\//.test(file)).sort();
    expect(others).toEqual(['experiment/recipe.ts', 'installed-packages.ts', 'own-version.ts']);
  });

  it('holds every file that is loaded, as a bundler finds them', async () => {
    const packages = fileURLToPath(new URL('../../..', import.meta.url));
    const source = '@mixerzoo/source';
    const reader = await createCodeReader();
    for (const name of readdirSync(packages).filter((entry) => entry !== 'bench')) {
      const entry = join(packages, name, 'src', 'index.ts');
      if (!existsSync(entry)) continue; // nothing to import
      const { metafile } = await build({
        entryPoints: [entry],
        bundle: true,
        write: false,
        metafile: true,
        format: 'esm',
        platform: 'node',
        conditions: [source],
        absWorkingDir: packages,
        external: ['webgpu', '@tensorflow/*'],
      });
      const inputs = Object.keys(metafile.inputs).filter((file) => !file.includes('node_modules')); // those are named by version
      const loaded = inputs.map((file) => join(packages, file));
      expect(loaded.length).toBeGreaterThan(2);
      const reached = new Set(reader.reach([entry]));
      expect(loaded.filter((file) => !reached.has(file))).toEqual([]);
    }
  });
});
