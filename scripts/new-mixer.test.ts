import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { withMixer } from './mixer-package.mjs';

const SCRIPT = fileURLToPath(new URL('new-mixer.mjs', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../packages', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-new-mixer-'));
afterAll(() => rmSync(directory, { recursive: true }));

function newMixer(...names: string[]) {
  return spawnSync(process.execPath, [SCRIPT, ...names], { cwd: directory, encoding: 'utf8' });
}

describe('npm run new:mixer', () => {
  it.each([
    ['class', /got 'class', a word of JavaScript/], // words of the language
    ['default', /got 'default'/],
    ['import', /got 'import'/],
    ['await', /got 'await'/],
    ['static', /got 'static'/],
    ['arguments', /got 'arguments'/],
    ['linear', /got 'linear': the template's code has a 'linear'/], // names of the template's code
    ['tf', /got 'tf'/],
    ['plugin', /got 'plugin'/],
    ['causal-averages', /got 'causal-averages'/],
    ['index', /the template has a file 'src\/index\.ts'/], // its files
    ['golden', /golden vectors/],
    ['constructor', /a property of every object/],
    ['undefined', /a value of JavaScript/],
    ['dist', /ignored by git/],
    ['nul', /a device on Windows/],
    ['lin-cat', /@mixerzoo\/cat has a mixer 'linCat'/], // mixers there are
    ['Gated', /kebab-case/],
    ['gated_mean', /kebab-case/],
    ['../gated', /kebab-case/],
    ['2d', /kebab-case/],
    ['', /kebab-case/],
  ])("refuses '%s' and writes nothing", (name, message) => {
    const { status, stderr } = newMixer(name);
    expect(stderr).toMatch(/^new:mixer: expected /);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(join(directory, 'packages'))).toBe(false);
  });

  it('writes a package of its own with --to', () => {
    const { status, stdout } = newMixer('gated-mean', '--to', 'here');
    expect(stdout).toMatch(/^here is ready/);
    expect(status).toBe(0);
    const target = join(directory, 'here');
    const files = readdirSync(target, { recursive: true }).map(String);
    expect(files).toContain('.gitignore');
    expect(files).toContain(join('src', 'gated-mean.ts'));
    for (const file of files.filter((name) => /\.\w+$/.test(name))) {
      const text = readFileSync(join(target, file), 'utf8');
      expect(text, file).not.toMatch(/causal-?mean|\$[A-Z]|scripts\/|@mixerzoo\/gated/i);
    }
    expect(JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'))).toMatchObject({
      name: 'mixerzoo-gated-mean',
      keywords: expect.arrayContaining(['mixerzoo-plugin']),
      peerDependencies: { '@mixerzoo/core': expect.stringMatching(/^\^\d/) },
    });
    expect(newMixer('gated-mean', '--to', 'here').stderr).toMatch(
      /expected a new directory, got 'here', which is there/,
    );
    expect(newMixer('gated-mean', '--to').stderr).toMatch(/expected a directory after --to, got none/);
  });

  it('writes a mixer into a package of another name with --package', () => {
    expect(newMixer('gated-mean', '--package', 'means').status).toBe(0);
    const target = join(directory, 'packages/means');
    const source = ['gated-mean.test.ts', 'gated-mean.ts', 'index.ts'];
    expect(readdirSync(join(target, 'src')).sort()).toEqual(source);
    const [manifest, readme] = ['package.json', 'README.md'].map((file) => readFileSync(join(target, file), 'utf8'));
    expect(JSON.parse(manifest as string)).toMatchObject({
      name: '@mixerzoo/means',
      repository: { directory: 'packages/means' },
    });
    expect(readme).toMatch(/^# @mixerzoo\/means\n[\s\S]*import \{ gatedMean \} from '@mixerzoo\/means'/);
    expect(newMixer('means').stderr).toMatch(
      /expected a new package, got 'means', which .* already\. For one more mixer in it: another name, -- --package means/,
    );
    expect(newMixer('other-mean', '--package', 'Means').stderr).toMatch(/kebab-case, got 'Means'/);
    expect(newMixer('other-mean', '--package', 'a', '--to', 'b').stderr).toMatch(
      /expected --package or --to, got both/,
    );
  });

  it('adds a mixer to a package that is there', () => {
    const { status, stdout } = newMixer('other-mean', '--package', 'means');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^otherMean in packages.means is ready/);
    const source = join(directory, 'packages/means/src');
    expect(readdirSync(source).sort()).toEqual([
      'gated-mean.test.ts',
      'gated-mean.ts',
      'index.ts',
      'other-mean.test.ts',
      'other-mean.ts',
    ]);
    const index = readFileSync(join(source, 'index.ts'), 'utf8');
    expect(index.trim().split(/\n+/)).toEqual([
      "import { definePlugin } from '@mixerzoo/core';",
      "import { gatedMean } from './gated-mean.js';",
      "import { otherMean } from './other-mean.js';",
      "export { type GatedMeanConfig, type GatedMeanParams, type GatedMeanState, gatedMean } from './gated-mean.js';",
      "export { type OtherMeanConfig, type OtherMeanParams, type OtherMeanState, otherMean } from './other-mean.js';",
      'export const plugin = /* @__PURE__ */ definePlugin({ mixers: [gatedMean, otherMean] });',
    ]);
    expect(readFileSync(join(source, 'other-mean.ts'), 'utf8')).toMatch(/name: 'otherMean'/);
    expect(newMixer('other-mean', '--package', 'means').stderr).toMatch(/a new name, got 'other-mean'.*is there/);

    writeFileSync(join(source, 'index.ts'), 'export const plugin = { mixers: [] };\n');
    const { status: refused, stderr } = newMixer('third-mean', '--package', 'means');
    expect(refused).toBe(2);
    expect(stderr).toMatch(/expected a list 'definePlugin\(\{ mixers: \[\.\.\.\] \}\)' in .*index\.ts, got none/);
    expect(existsSync(join(source, 'third-mean.ts'))).toBe(false);
  });

  it('finds the place in the index of every package of the zoo', () => {
    const template =
      "import { zooMean } from './zoo-mean.js';\nexport { type ZooMeanParams, zooMean } from './zoo-mean.js';\n";
    for (const name of readdirSync(PACKAGES)) {
      const index = join(PACKAGES, name, 'src/index.ts');
      const text = existsSync(index) ? readFileSync(index, 'utf8') : '';
      if (!/\bmixers: \[/.test(text)) continue;
      const { code } = transformSync(withMixer(text, 'zooMean', template) ?? '', { loader: 'ts' });
      expect(code, name).toMatch(/mixers: \[[^\]]*, zooMean\]/);
      expect(code.match(/zoo-mean\.js/g), name).toHaveLength(2);
    }
  });

  it('gives code that parses, once, for a name that reads like a word of Node or JavaScript', () => {
    const { status } = newMixer('fs');
    expect(status).toBe(0);
    const source = join(directory, 'packages/fs/src');
    expect(readdirSync(source).sort()).toEqual(['fs.test.ts', 'fs.ts', 'index.ts']);
    for (const file of readdirSync(source)) {
      const { code } = transformSync(readFileSync(join(source, file), 'utf8'), { loader: 'ts' });
      expect(code).not.toMatch(/causal-?mean/i);
    }
    const again = newMixer('fs');
    expect(again.status).toBe(2);
    expect(again.stderr).toMatch(/packages\/ has already/);
  });
});
