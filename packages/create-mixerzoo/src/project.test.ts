import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../bin/create-mixerzoo.mjs', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-create-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The command, with no terminal to ask on. */
const create = (...args: string[]) => spawnSync(process.execPath, [BIN, ...args], { cwd: directory, encoding: 'utf8' });

/** The files of a project that was written, by path. */
function filesOf(name: string): Record<string, string> {
  const target = join(directory, name);
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  const relative = (path: string) => path.slice(target.length + 1).replaceAll('\\', '/');
  return Object.fromEntries(paths.map((path) => [relative(path), readFileSync(path, 'utf8')]));
}

const COMMON = [
  '.gitignore',
  'README.md',
  'experiment.config.ts',
  'package.json',
  'src/index.ts',
  'tsconfig.build.json',
  'tsconfig.json',
  'tsup.config.ts',
  'vitest.config.ts',
];

describe('npm create mixerzoo', () => {
  it.each([
    ['gated-mean', [], ['src/gated-mean.test.ts', 'src/gated-mean.ts']],
    [
      'fading-mean',
      ['--kernel'],
      [
        'src/fading-mean.test.ts',
        'src/fading-mean.ts',
        ...['fading-mean-sum.test.ts', 'index.ts', 'kernel.as.ts', 'reference.ts', 'types.ts', 'wasm.ts'].map(
          (file) => `src/ops/fading-mean-sum/${file}`,
        ),
      ],
    ],
    ['last-token', ['--task'], ['src/last-token.test.ts', 'src/last-token.ts']],
  ])('writes %s %j under that name, without a word of the template or the repository', (name, flags, own) => {
    const { status, stdout, stderr } = create(name, ...flags);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${name} is ready. Next:\n  cd ${name} && npm install`));
    const files = filesOf(name);
    expect(Object.keys(files).sort()).toEqual([...COMMON, ...own].sort());
    for (const [file, text] of Object.entries(files)) {
      expect(text, file).not.toMatch(
        /causal-?mean|decayed-?sum|first-?token|\$[A-Z]|scripts\/|@mixerzoo\/(gated|fading|last)/i,
      );
    }
    const manifest = JSON.parse(files['package.json'] as string);
    const { version } = JSON.parse(readFileSync(join(PACKAGES, 'core/package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: `mixerzoo-${name}`,
      keywords: expect.arrayContaining(['mixerzoo-plugin']),
      peerDependencies: { '@mixerzoo/core': `^${version}` },
      scripts: { build: expect.stringMatching(/^tsup/), prepublishOnly: expect.stringContaining('npm test') },
    });
    expect(manifest.scripts.prebuild, 'compiles kernels first').toBe(
      flags.includes('--kernel') ? 'npm run kernels' : undefined,
    );
    expect(manifest.private).toBeUndefined();
    expect(files['experiment.config.ts'], 'a newcomer waits for it').toMatch(/ only: \['CAT, 1 layer', '[^']+'\],/);
  });

  it('leaves a new name alone that holds the name of a template', () => {
    expect(create('my-decayed-sum', '--kernel').status).toBe(0);
    const files = filesOf('my-decayed-sum');
    expect(Object.keys(files)).toContain('src/ops/my-decayed-sum-sum/kernel.as.ts');
    expect(files['src/my-decayed-sum.ts']).toMatch(/from '\.\/ops\/my-decayed-sum-sum\/index\.js'/);
  });

  it('has tests that say why one is skipped', () => {
    create('says-why');
    const root = join(directory, 'says-why');
    const files = readdirSync(join(root, 'src'));
    for (const file of files) rmSync(join(root, 'src', file));
    writeFileSync(join(root, 'src/why.test.ts'), "it('waits', (context) => context.skip('for a reason'));");
    const config = join(PACKAGES, '../templates/alone/vitest.config.ts');
    expect(filesOf('says-why')['vitest.config.ts']).toBe(readFileSync(config, 'utf8'));
    const vitest = join(PACKAGES, '../node_modules/vitest/vitest.mjs');
    const args = ['run', '--root', root, '--config', config, '--globals', '--passWithNoTests'];
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
    const { stdout } = spawnSync(process.execPath, [vitest, ...args], { encoding: 'utf8', env });
    expect(stdout).toMatch(/waits.*for a reason/);
  });

  it('writes where it is told', () => {
    const { stdout } = create('gated-sum', '--to', 'elsewhere/here');
    expect(stdout).toMatch(/^elsewhere\/here is ready/);
    expect(existsSync(join(directory, 'elsewhere/here/src/gated-sum.ts'))).toBe(true);
  });

  it.each([
    [[], /expected a name in kebab-case, got ''/],
    [['Gated'], /expected a name in kebab-case, got 'Gated'/],
    [['class'], /expected a name that can be a variable, got 'class'/],
    [['plugin', '--task'], /expected a name of its own, got 'plugin'/],
    [['seq-len', '--task'], /the template's code has a 'seqLen'/],
    [['linear'], /the template's code has a 'linear'/],
    [['wasm', '--kernel'], /the template's code has a 'wasm'/],
    [['a', 'b'], /Unused args: `b`/],
    [['another', '--kernel', '--task'], /expected --kernel or --task, got both/],
    [['another', '--kernal'], /Unknown option `--kernal`/],
    [['elsewhere'], /expected a new directory, got 'elsewhere', which is there/],
  ])('refuses %j and writes nothing', (args, message) => {
    const before = readdirSync(directory);
    const { status, stderr } = create(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^create-mixerzoo: /);
    expect(status).toBe(2);
    expect(readdirSync(directory)).toEqual(before);
  });
});
