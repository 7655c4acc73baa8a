/**
 * `npm run bundle:gpu`: one directory that runs mixerzoo on a bare x86-64 Linux machine with an NVIDIA driver: Node, the
 * built packages with the files of their dependencies that are reached from them and no others, Dawn (the npm package
 * `webgpu`) and a Vulkan loader. Options: `--out <directory>` (default dist-gpu), `--vulkan-loader <libvulkan.so.1>`,
 * `--no-build`.
 *
 * Node and Dawn travel compressed and are unpacked on first use. The C++ runtime travels too, for machines that have none.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const LIMIT_MB = 60;
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Native packages and the test runner: left out. */
const LEFT_OUT = ['webgpu', '@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu', '@resvg/resvg-js', 'vitest'];
const LOADERS = [
  '/usr/lib/x86_64-linux-gnu/libvulkan.so.1',
  '/usr/lib64/libvulkan.so.1',
  '/usr/lib/chromium/libvulkan.so.1',
];

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'dist-gpu') },
    'vulkan-loader': { type: 'string' },
    build: { type: 'boolean', default: true },
  },
  allowNegative: true,
});

if (process.platform !== 'linux' || process.arch !== 'x64')
  stop(`expected to run on Linux x64, got ${process.platform} ${process.arch}`);
const dawn = join(ROOT, 'node_modules/webgpu');
if (!existsSync(dawn)) stop("expected the package 'webgpu', got none. Run: npm install --no-save webgpu");
const loader = options['vulkan-loader'] ?? LOADERS.find((path) => existsSync(path));
if (!loader || !existsSync(loader)) {
  stop('expected a Vulkan loader (libvulkan.so.1), got none. Install libvulkan1, or name one: --vulkan-loader <path>');
}
if (options.build)
  execFileSync(process.execPath, ['scripts/turbo.mjs', 'run', 'build', '--output-logs=errors-only'], {
    cwd: ROOT,
    stdio: 'inherit',
  });

const out = resolve(options.out, 'mixerzoo-gpu');
rmSync(out, { recursive: true, force: true });
for (const directory of ['bin', 'lib/cpp', 'lib/vulkan']) mkdirSync(join(out, directory), { recursive: true });

await copyPackages();
copyDawn();
copyRuntime();
writeLaunchers();
report();

/** The packages' builds, and every file of a dependency that is reached from them. */
async function copyPackages() {
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => join(ROOT, 'packages', name));
  const entries = packages.flatMap((directory) => {
    const dist = join(directory, 'dist');
    const benchmarks = existsSync(join(dist, 'benchmarks'))
      ? readdirSync(join(dist, 'benchmarks')).map((name) => join('benchmarks', name))
      : [];
    return ['index.js', 'cli.js', 'worker.js', ...benchmarks]
      .filter((name) => name.endsWith('.js') && existsSync(join(dist, name)))
      .map((name) => join(dist, name));
  });
  const { metafile } = await build({
    entryPoints: entries,
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    outdir: join(out, 'unused'),
    metafile: true,
    platform: 'node',
    format: 'esm',
    // As Node resolves, not as bundlers do.
    mainFields: ['main'],
    conditions: ['node', 'import'],
    external: LEFT_OUT,
    loader: { '.node': 'copy' },
    logLevel: 'error',
  });
  const owners = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const source = resolve(ROOT, input.replace(/^.*:(?=\/)/, ''));
    if (!existsSync(source)) continue;
    const owner = packageOf(source);
    owners.add(owner);
    if (!packages.includes(owner)) copy(source, placeOf(source));
    // Manifests on the way say whether files are modules.
    for (let directory = dirname(source); directory.startsWith(owner); directory = dirname(directory)) {
      const manifest = join(directory, 'package.json');
      if (existsSync(manifest)) copy(manifest, placeOf(manifest));
    }
  }
  for (const owner of owners) {
    for (const name of readdirSync(owner)) {
      if (/^licen[cs]e/i.test(name) && statSync(join(owner, name)).isFile())
        copy(join(owner, name), placeOf(join(owner, name)));
    }
  }
  // Whole: they start workers of their own and are looked for by name.
  for (const directory of packages) {
    for (const part of ['dist', 'bin', 'package.json']) {
      if (!existsSync(join(directory, part))) continue;
      cpSync(join(directory, part), placeOf(join(directory, part)), {
        recursive: true,
        filter: (path) => !/\.(map|d\.ts)$/.test(path),
      });
    }
  }
  const wasm = join(ROOT, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  for (const name of readdirSync(wasm)) if (name.endsWith('.wasm')) copy(join(wasm, name), placeOf(join(wasm, name)));
  copy(join(ROOT, 'scripts/conformance.mjs'), join(out, 'conformance.mjs'));
  copy(join(ROOT, 'LICENSE'), join(out, 'LICENSE'));
}

/** The directory of the package that a file belongs to: right below the last node_modules, or one of the workspace. */
function packageOf(path) {
  const parts = relative(ROOT, path).split('/');
  const at = parts.lastIndexOf('node_modules');
  if (at < 0) return join(ROOT, ...parts.slice(0, 2));
  return join(ROOT, ...parts.slice(0, at + (parts[at + 1]?.startsWith('@') ? 3 : 2)));
}

/** Where a file goes: packages of the workspace become installed ones. */
function placeOf(path) {
  const inWorkspace = relative(join(ROOT, 'packages'), path);
  if (inWorkspace.startsWith('..')) return join(out, relative(ROOT, path));
  const [directory, ...rest] = inWorkspace.split('/');
  const { name } = JSON.parse(readFileSync(join(ROOT, 'packages', directory, 'package.json'), 'utf8'));
  return join(out, 'node_modules', name, ...rest);
}

function copyDawn() {
  const to = join(out, 'node_modules/webgpu');
  for (const name of ['index.js', 'package.json', 'LICENSE.md']) copy(join(dawn, name), join(to, name));
  copyCompressed(join(dawn, 'dist/linux-x64/dawn.node'), join(to, 'dist/linux-x64/dawn.node'));
}

function copyRuntime() {
  copyCompressed(process.execPath, join(out, 'bin/node'));
  copyStripped(realpathSync(loader), join(out, 'lib/libvulkan.so.1'));
  for (const library of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    const [, path] =
      execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(
        new RegExp(`${library.replaceAll('+', '\\+')} => (\\S+)`),
      ) ?? [];
    if (path) copyStripped(realpathSync(path), join(out, 'lib/cpp', library));
  }
  // For machines, containers mostly, whose driver comes without a manifest for the Vulkan loader.
  for (const kind of ['GLX', 'EGL']) {
    writeFileSync(
      join(out, `lib/vulkan/nvidia_${kind.toLowerCase()}.json`),
      `${JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: `lib${kind}_nvidia.so.0`, api_version: '1.3.0' } })}\n`,
    );
  }
}

function writeLaunchers() {
  launcher(
    'env.sh',
    `# Sourced by the other scripts: finds Node, the Vulkan loader and the driver.
node="$here/bin/node"
for file in "$node" "$here/node_modules/webgpu/dist/linux-x64/dawn.node"; do
  [ -e "$file" ] && continue
  gzip -dc "$file.gz" > "$file.$$" && chmod 755 "$file.$$" && mv "$file.$$" "$file" && continue
  echo "mixerzoo: expected to unpack $file.gz on first use; make $here writable" >&2
  exit 1
done
export LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"$node" --version >/dev/null 2>&1 || export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$here/lib/cpp"
if [ -z "$VK_ICD_FILENAMES$VK_DRIVER_FILES" ]; then
  found=
  for manifest in /etc/vulkan/icd.d/*.json /usr/share/vulkan/icd.d/*.json /usr/local/share/vulkan/icd.d/*.json /usr/local/nvidia/share/vulkan/icd.d/*.json; do
    case "$manifest" in
      /usr/local/nvidia/*) [ -e "$manifest" ] && export VK_ICD_FILENAMES="$manifest" && found=yes ;;
      *nvidia*) [ -e "$manifest" ] && found=yes ;;
    esac
    [ -n "$found" ] && break
  done
  if [ -z "$found" ]; then
    libraries=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null)
    case "$libraries" in
      *libX11.so.6*libGLX_nvidia.so.0*|*libGLX_nvidia.so.0*libX11.so.6*) export VK_ICD_FILENAMES="$here/lib/vulkan/nvidia_glx.json" ;;
      *libEGL_nvidia.so.0*) export VK_ICD_FILENAMES="$here/lib/vulkan/nvidia_egl.json" ;;
      *libGLX_nvidia.so.0*) export VK_ICD_FILENAMES="$here/lib/vulkan/nvidia_glx.json" ;;
    esac
  fi
fi
`,
    false,
  );
  const bench = '"$here/node_modules/@mixerzoo/bench';
  launcher('mixerzoo', `exec "$node" ${bench}/bin/mixerzoo.mjs" "$@"\n`);
  launcher('conformance', 'exec "$node" "$here/conformance.mjs" "$@"\n');
  launcher('bench-step', `exec "$node" ${bench}/dist/benchmarks/step.js" --engine webgpu "$@"\n`);
  writeFileSync(
    join(out, 'README.txt'),
    `mixerzoo with WebGPU for a Linux machine (x86-64, glibc) with an NVIDIA driver. Nothing to install.

  ./mixerzoo doctor                              what engines are there, and which card
  ./conformance                                  every mixer: kernels against reference forms, training against wasm
  ./bench-step                                   a training step of one layer of CAT, V 8192, L 64, d 64, batch 64
  ./bench-step --mixers cat,attention,mamba,based --lengths 64,256,512 --widths 64,128 --batch 512 --stock-steps 0
  ./mixerzoo run quick --engine webgpu           train and report

A software driver is found through VK_ICD_FILENAMES=<its .json>.
`,
  );
}

function launcher(name, script, executable = true) {
  const head = executable ? '#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd)\n. "$here/env.sh"\n' : '';
  writeFileSync(join(out, name), head + script);
  if (executable) chmodSync(join(out, name), 0o755);
}

function report() {
  const bytes = sizeOf(out);
  const archive = `${out}.tar.gz`;
  execFileSync('tar', ['-C', dirname(out), '-czf', archive, basename(out)]);
  const megabytes = (count) => (count / 1e6).toFixed(1);
  for (const name of readdirSync(out)) console.log(`${megabytes(sizeOf(join(out, name))).padStart(8)} MB  ${name}`);
  console.log(`${megabytes(bytes).padStart(8)} MB  ${out}`);
  console.log(`${megabytes(statSync(archive).size).padStart(8)} MB  ${archive}`);
  if (bytes > LIMIT_MB * 1e6) stop(`expected a directory of at most ${LIMIT_MB} MB, got ${megabytes(bytes)} MB`);
}

function sizeOf(path) {
  const status = statSync(path);
  return status.isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : status.size;
}

function copy(source, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(source, to);
}

/** Stripped, as `<to>.gz`. */
function copyCompressed(source, to) {
  copyStripped(source, to);
  writeFileSync(`${to}.gz`, gzipSync(readFileSync(to), { level: 9 }));
  rmSync(to);
}

/** Without its symbols, where `strip` is there. */
function copyStripped(source, to) {
  copy(source, to);
  chmodSync(to, 0o755);
  try {
    execFileSync('strip', ['--strip-unneeded', to], { stdio: 'ignore' });
  } catch {
    console.error(`bundle:gpu: no \`strip\` for ${basename(to)}: left as it is.`);
  }
}

function stop(message) {
  console.error(`bundle:gpu: ${message}.`);
  process.exit(1);
}
