/**
 * `npm run check:sizes`: what users install and load, from the packed packages, beside the budgets of size-budgets.json. Above a
 * ceiling it fails; between goal and ceiling it says by how much, and what of it is largest. MB and KB are powers of ten.
 *
 * Code is what esbuild makes of a program for the browser, minified, in the chunks that the program loads. Chunks of engines that it
 * does not ask for, and files that are no code, such as TensorFlow.js's `.wasm`, are told apart.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { packPackages } from './packed-project.mjs';

const BUDGETS = JSON.parse(readFileSync(join(import.meta.dirname, 'size-budgets.json'), 'utf8'));
const WASM = 'node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';
/** What the wasm engine loads when it starts. */
const WASM_ENGINE = /\/tfjs-backend-wasm\/[^/]+\/index\.js$/;
const LARGEST = 8;

/** The program of docs/in-the-browser.md, but for where its `.wasm` file lies. */
const TRAINING = `
import { cat } from '@mixerzoo/cat';
import { createLanguageModel, createTrainer, useEngine } from '@mixerzoo/core';
import { mqar } from '@mixerzoo/tasks';
await useEngine('wasm', { wasmUrl: '/tfjs-backend-wasm-simd.wasm' });
const trainer = await createTrainer({
  model: createLanguageModel({ vocabSize: 16, dModel: 16, layers: [{ sequenceMixer: cat({ dModel: 16, nHeads: 1 }) }] }),
  task: mqar({ vocabSize: 16, seqLen: 8, numKvPairs: 2 }),
  batchSize: 16, examplesPerEpoch: 320, epochs: 1, validationExamples: 16,
});
while (!trainer.done) console.log(await trainer.runEpoch());
`;
const RNG = `import { createRng } from '@mixerzoo/core/rng'; console.log(createRng(1).uniform());`;

const packed = packPackages(['core', 'attention', 'cat', 'tasks']);
let failures = 0;
try {
  const installed = packed.createProject('installed', ['@mixerzoo/core', '@mixerzoo/cat']);
  const modules = join(installed, 'node_modules');
  report(BUDGETS[0], sizeOf(modules) / 1e6, packagesIn(modules), 1e6);

  const project = packed.createProject('bundled', ['@mixerzoo/core', '@mixerzoo/cat', '@mixerzoo/tasks']);
  const app = await bundle(project, TRAINING);
  report(BUDGETS[1], app.loaded / 1e3, app.parts, 1e3);
  console.log(
    `  of it ${kb(app.start)} KB gzipped before the engine is asked for; for other engines, not loaded, ${kb(app.all - app.loaded)} KB; beside it ${WASM.split('/').at(-1)}, ${kb(gzipSync(readFileSync(join(project, WASM))).length)} KB gzipped`,
  );
  const rng = await bundle(project, RNG);
  report(BUDGETS[2], rng.bytes / 1e3, rng.parts, 1e3);
} finally {
  packed.remove();
}
process.exit(failures === 0 ? 0 : 1);

/** @param parts - bytes by name. */
function report({ name, unit, goal, ceiling }, size, parts, divisor) {
  const over = size > goal ? `, ${(size - goal).toFixed(1)} above the goal` : '';
  console.log(
    `${name}: ${size.toFixed(1)} ${unit} (goal ${goal}${ceiling === goal ? '' : `, at most ${ceiling}`})${over}`,
  );
  if (size > ceiling) {
    failures += 1;
    console.error(
      `check:sizes: ${name}: expected at most ${ceiling} ${unit}, got ${size.toFixed(1)}. Leave out what made it grow, or raise it in scripts/size-budgets.json and say why.`,
    );
  }
  if (over === '') return;
  const largest = [...parts].sort(([, a], [, b]) => b - a).slice(0, LARGEST);
  for (const [part, bytes] of largest)
    console.log(`  ${(bytes / divisor).toFixed(1).padStart(7)} ${unit.split(' ')[0]}  ${part}`);
}

/**
 * A program as a page loads it: bytes in all; gzipped in all, as far as it is loaded with the wasm engine, and before that; and what is
 * loaded by the package that it is of (minified, not gzipped).
 */
async function bundle(project, program) {
  const entry = join(project, 'program.mjs');
  writeFileSync(entry, program);
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: project,
    bundle: true,
    minify: true,
    splitting: true,
    write: false,
    metafile: true,
    outdir: 'out',
    format: 'esm',
    platform: 'browser',
    // For the webgpu engine alone, and not installed here.
    external: ['@tensorflow/tfjs-backend-webgpu', 'webgpu', 'node:*'],
    logLevel: 'error',
  });
  const gzip = new Map(outputFiles.map(({ path, contents }) => [path, gzipSync(contents, { level: 9 }).length]));
  const entries = Object.keys(metafile.outputs).filter((name) => metafile.outputs[name].entryPoint !== undefined);
  const first = entries.find((name) => metafile.outputs[name].entryPoint === 'program.mjs');
  const engine = entries.filter((name) => WASM_ENGINE.test(metafile.outputs[name].entryPoint));
  const [start, loaded] = [[first], [first, ...engine]].map((names) => staticOutputs(metafile, names));
  const parts = new Map();
  for (const [file, { bytesInOutput }] of [...loaded].flatMap((name) =>
    Object.entries(metafile.outputs[name].inputs),
  )) {
    const part = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? 'the program';
    parts.set(part, (parts.get(part) ?? 0) + bytesInOutput);
  }
  const sum = (names) => [...names].reduce((total, name) => total + gzip.get(resolve(project, name)), 0);
  return {
    bytes: outputFiles.reduce((total, { contents }) => total + contents.length, 0),
    all: sum(Object.keys(metafile.outputs)),
    loaded: sum(loaded),
    start: sum(start),
    parts,
  };
}

/** Chunks, and those that they import at once. */
function staticOutputs({ outputs }, names) {
  const found = new Set(names);
  for (const name of found) {
    for (const { path, kind, external } of outputs[name].imports) {
      if (kind === 'import-statement' && !external) found.add(path);
    }
  }
  return found;
}

/** Bytes of every package, those within others with them. */
function packagesIn(modules) {
  const parts = new Map();
  for (const name of readdirSync(modules).filter((each) => !each.startsWith('.'))) {
    const inside = name.startsWith('@') ? readdirSync(join(modules, name)).map((each) => `${name}/${each}`) : [name];
    for (const part of inside) parts.set(part, sizeOf(join(modules, part)));
  }
  return parts;
}

function sizeOf(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((total, entry) => total + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function kb(bytes) {
  return (bytes / 1e3).toFixed(1);
}
