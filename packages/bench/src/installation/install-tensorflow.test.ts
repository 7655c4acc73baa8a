/**
 * `engines install tensorflow` with stand-ins for python3, npm and g++: what they are asked for, and what is said when
 * one is missing or fails. Nothing is downloaded or compiled.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { installTensorflow } from './install-tensorflow.js';

/** Shell functions of the stand-ins; `$log` gets the arguments of the calls that count. */
const PYTHON = (pip: string) => `
case "$*" in
  "-c import sys") exit 0 ;;
  -c*) echo 3.14; exit 0 ;;
  "-m pip --version") ${pip === 'none' ? 'exit 1' : 'exit 0'} ;;
esac
echo "pip $*" >> "$log"
${pip}
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/tensorflow" && touch "$2/tensorflow/libtensorflow_cc.so.2" "$2/tensorflow/libtensorflow_framework.so.2"
case "$3" in
  *cpu) mkdir "$2/tensorflow_cpu-2.99.0.dist-info" ;;
  *and-cuda*)
    mkdir -p "$2/tensorflow-2.99.0.dist-info" "$2/nvidia/cublas/lib" "$2/nvidia/cudnn/lib"
    touch "$2/nvidia/cublas/lib/libcublas.so.12" "$2/nvidia/cudnn/lib/libcudnn.so.9" "$2/nvidia/cudnn/lib/libcudnn_ops.so.9" ;;
esac`;
const NPM = `
[ "$1" = --version ] && exit 0
mkdir -p package/binding && echo '{}' > package/package.json && touch package/binding/tfjs_binding.cc
tar -czf "$5/archive.tgz" package && rm -r package`;
const COMPILER = (outcome: string) => `
[ "$1" = --version ] && exit 0
echo "compiler $*" >> "$log"
${outcome}
for last; do :; done
touch "$last"`;

let log: string;

/** Makes the stand-ins the only programs there are. */
function provide(tools: Record<string, string>): void {
  const path = mkdtempSync(join(tmpdir(), 'mixerzoo-tools-'));
  log = join(path, 'log');
  writeFileSync(log, '');
  for (const [name, body] of Object.entries(tools)) {
    writeFileSync(join(path, name), `#!/bin/sh\nPATH=/usr/bin:/bin log='${log}'\n${body}\n`);
    chmodSync(join(path, name), 0o755);
  }
  for (const name of ['tar', 'gzip']) {
    const real = ['/usr/bin', '/bin'].map((directory) => join(directory, name)).find((file) => existsSync(file));
    if (real) symlinkSync(real, join(path, name));
  }
  vi.stubEnv('PATH', path);
}

const all = (pip = '', compiler = '') => ({ python3: PYTHON(pip), npm: NPM, 'g++': COMPILER(compiler) });
const calls = (program: string) =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(program));
const install = (options: { gpu?: boolean; force?: boolean } = {}) =>
  installTensorflow({ gpu: false, force: false, onProgress: () => {}, ...options });

const onLinuxX64 = process.platform === 'linux' && process.arch === 'x64';

describe('installTensorflow', () => {
  let directory: string;

  beforeEach((ctx) => {
    ctx.skip(process.platform === 'win32', 'its tools are shell scripts here');
    directory = mkdtempSync(join(tmpdir(), 'mixerzoo-tensorflow-'));
    vi.stubEnv('MIXERZOO_TENSORFLOW', directory);
    vi.stubEnv('PYTHON', '');
    vi.stubEnv('CXX', '');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('asks pip for the wheel alone, links to it by relative paths, and finds the build again', async () => {
    provide(all());
    const { built, manifest } = await install();
    expect(built).toBe(true);
    expect(manifest).toMatchObject({ format: 1, gpu: false, tfjsNode: '4.22.0' });
    const [pip] = calls('pip');
    expect(pip).toMatch(/install .*--no-deps .*--target .*python\.partial tensorflow(-cpu)?$/);
    const [compiler] = calls('compiler');
    expect(compiler).toContain(join(directory, 'python', 'tensorflow', 'libtensorflow_cc.so.2'));
    expect(compiler).toMatch(/-Wl,-rpath,(\$ORIGIN|@loader_path)\/python\/tensorflow/);
    expect((await install()).built).toBe(false);
    expect(calls('pip')).toHaveLength(1);
  });

  it('with a GPU asks for CUDA too, and links to the libraries that TensorFlow opens', async (ctx) => {
    if (!onLinuxX64) return ctx.skip('the wheels with GPU kernels are for Linux on x86-64');
    provide(all());
    await install(); // a build for the CPU does not do
    const { built, manifest } = await install({ gpu: true });
    expect(built).toBe(true);
    expect(manifest).toMatchObject({ gpu: true, wheel: 'tensorflow 2.99.0' });
    const pip = calls('pip')[1];
    expect(pip).toMatch(/ tensorflow\[and-cuda\]$/);
    expect(pip).not.toContain('--no-deps');
    const compiler = calls('compiler')[1];
    for (const file of ['cublas/lib/libcublas.so.12', 'cudnn/lib/libcudnn.so.9']) {
      expect(compiler).toContain(join(directory, 'python', 'nvidia', file));
    }
    expect(compiler).toContain('-Wl,-rpath,$ORIGIN/python/nvidia/cudnn/lib');
    expect(compiler).not.toContain('libcudnn_ops'); // cuDNN opens its parts itself
  });

  it('refuses a GPU where the wheels have no kernels for one', async () => {
    provide(all());
    const { arch } = process;
    Object.defineProperty(process, 'arch', { value: 'arm64' });
    try {
      await expect(install({ gpu: true })).rejects.toThrow(/expected Linux on x86-64, got \w+ on arm64.*webgpu/);
    } finally {
      Object.defineProperty(process, 'arch', { value: arch });
    }
    expect(calls('pip')).toEqual([]);
  });

  it.each([
    ['python3', /missing: python3 \([^)]+\)\.$/],
    ['g\\+\\+', /missing: a C\+\+ compiler \([^)]+\)\.$/],
    ['npm', /missing: npm \([^)]+\)\.$/],
  ])('names what is missing: %s', async (name, message) => {
    const { [name.replaceAll('\\', '')]: _, ...tools } = all() as Record<string, string>;
    provide(tools);
    await expect(install()).rejects.toThrow(message);
  });

  it('names pip where Python has none', async () => {
    provide(all('none'));
    await expect(install()).rejects.toThrow(/missing: pip for python3 \([^)]+\)\.$/);
  });

  it('says how to get past an index that does not answer, without asking again', async () => {
    provide(all('echo "NewConnectionError: No matching distribution found for tensorflow" >&2; exit 1'));
    await expect(install()).rejects.toThrow(/a package index that has tensorflow.*none that answers.*PIP_INDEX_URL/);
    expect(calls('pip')).toHaveLength(1);
    expect(existsSync(join(directory, 'install.json'))).toBe(false);
  });

  it('tries the wheels of other Pythons, then says which Python it is', async () => {
    provide(all('echo "ERROR: No matching distribution found for tensorflow" >&2; exit 1'));
    await expect(install()).rejects.toThrow(/a wheel of tensorflow.* Python 3\.14 .*got none.*PYTHON/);
    expect(calls('pip').map((call) => /--python-version (\S+)/.exec(call)?.[1])).toEqual([undefined, '3.12', '3.11']);
  });

  it('names the part of CUDA that an index lacks', async (ctx) => {
    if (!onLinuxX64) return ctx.skip('the wheels with GPU kernels are for Linux on x86-64');
    provide(all('echo "ERROR: No matching distribution found for nvidia-cudnn-cu12<10.0; extra == x" >&2; exit 1'));
    await expect(install({ gpu: true })).rejects.toThrow(/with CUDA, got one without nvidia-cudnn-cu12<10\.0\./);
  });

  it('quotes the compiler, and claims no build', async () => {
    provide(all('', 'echo "binding.cc:7: error: no such thing"; exit 1'));
    await expect(install()).rejects.toThrow(/to compile, got 'binding\.cc:7: error: no such thing'.*C\+\+17/);
    expect(existsSync(join(directory, 'install.json'))).toBe(false);
  });

  it('keeps the build it has when pip cannot fetch another', async () => {
    provide(all());
    await install();
    provide(all('echo "Temporary failure in name resolution" >&2; exit 1'));
    await expect(install({ force: true })).rejects.toThrow(/none that answers/);
    provide(all());
    expect((await install()).built).toBe(false);
  });
});
