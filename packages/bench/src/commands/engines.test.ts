/** `mixerzoo engines` as users run it: real processes, nothing downloaded. */
import { execFile } from 'node:child_process';
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const NPM_PACKAGE = "a package of npm's provides the engine here";
const emptyDirectory = () => mkdtempSync(join(tmpdir(), 'mixerzoo-engines-'));

function engines(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const command = ['--conditions=@mixerzoo/source', '--import', LOADER, CLI, 'engines', ...args];
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, command, { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

describe('mixerzoo engines', () => {
  it('verifies by training, and gives the losses of every mixer', async () => {
    const { code, stdout } = await engines(['verify', 'wasm', '--all', '--json']);
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as { firstLoss: number; lastLoss: number; losses: Record<string, number[]> };
    expect(found.lastLoss).toBeLessThan(found.firstLoss);
    expect(found.losses['cat']).toHaveLength(20);
    expect(Object.values(found.losses).flat().every(Number.isFinite)).toBe(true);
  });

  it('suggests the action that was meant', async () => {
    const { code, stderr } = await engines(['verfy', 'wasm']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/unknown action 'verfy'\. Did you mean 'verify'\?/);
  });

  it('says that an engine needs no installing, or is got otherwise', async () => {
    expect((await engines(['install', 'wasm'])).stderr).toMatch(/'wasm' is built in/);
    expect((await engines(['install', 'webgpu'])).stderr).toMatch(/npm install webgpu/);
  });

  it('names every tool that a build lacks, and how to get it', async (ctx) => {
    ctx.skip(process.platform === 'win32', 'no symbolic links without rights on Windows');
    const path = emptyDirectory();
    symlinkSync(process.execPath, join(path, 'node'));
    const { code, stderr } = await engines(['install', 'tensorflow'], {
      PATH: path,
      PYTHON: '',
      CXX: '',
      MIXERZOO_TENSORFLOW: emptyDirectory(),
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/missing: python3 \(.*\); a C\+\+ compiler \(.*\); npm \(.*\); tar \(/);
  });

  it('says of each binding of tensorflow why it is not used', async (ctx) => {
    const { code, stderr } = await engines(['verify', 'tensorflow'], { MIXERZOO_TENSORFLOW: emptyDirectory() });
    if (code === 0) return ctx.skip(NPM_PACKAGE);
    expect(stderr).toMatch(/mixerzoo build: none in .*`?mixerzoo engines install tensorflow/);
    expect(stderr).toMatch(/@tensorflow\/tfjs-node-gpu: /);
  });

  it('tells a damaged build from none', async (ctx) => {
    const directory = emptyDirectory();
    writeFileSync(join(directory, 'install.json'), '{"format"');
    const { code, stderr } = await engines(['verify', 'tensorflow'], { MIXERZOO_TENSORFLOW: directory });
    if (code === 0) return ctx.skip(NPM_PACKAGE);
    expect(stderr).toMatch(/mixerzoo build: a damaged .*install\.json/);
  });

  it('reports a build that does not load, with the reason', async (ctx) => {
    const directory = emptyDirectory();
    writeFileSync(join(directory, 'install.json'), JSON.stringify({ format: 1, gpu: false }));
    writeFileSync(join(directory, 'tfjs_binding.node'), 'not a library');
    const { stdout } = await engines(['list', '--json'], { MIXERZOO_TENSORFLOW: directory });
    const [tensorflow] = JSON.parse(stdout) as { name: string; available: boolean; summary: string }[];
    if (tensorflow?.available) return ctx.skip(NPM_PACKAGE);
    expect(tensorflow?.summary).toMatch(/mixerzoo build: did not load \(.+\)/);
  });
});
