/** Projects that use the packages as npm serves them: packed, and installed from there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Declarations that are not ours to mend: TensorFlow.js 4.22 does not pass its own check (long, layers, WebGL), and WebGPU
 * is declared by TypeScript's DOM and by the @webgpu/types that TensorFlow.js refers to.
 */
const FOREIGN = /node_modules\/(@tensorflow|@webgpu\/types)\/|\/lib\.dom\.d\.ts\(/;

/** The errors that tsc printed, without `--pretty`: ours, those of foreign declarations left out. */
export function ownTypeErrors(stdout) {
  return stdout.split('\n').filter((line) => /error TS\d+:/.test(line) && !FOREIGN.test(line));
}

/** @throws Error with what a command printed, unless it exits 0. */
export function run(command, args, cwd, env = process.env) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 27 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed.\n${stdout}\n${stderr}`);
  return stdout;
}

/** Packs packages, by default every one; `createProject` makes projects from the tarballs, `remove` takes all of it away. */
export function packPackages(names = readdirSync('packages')) {
  const work = mkdtempSync(join(tmpdir(), 'mixerzoo-packages-'));
  const tarballs = {};
  for (const name of names) {
    const packed = run('npm', ['pack', '--json', '--pack-destination', work], resolve('packages', name));
    const [{ name: id, filename }] = JSON.parse(packed);
    tarballs[id] = `file:${join(work, filename)}`;
  }
  return {
    tarballs,
    /** A project in which these of our packages, and tools from npm, are installed. */
    createProject(name, ids, tools = {}) {
      const project = join(work, name);
      mkdirSync(project);
      const dependencies = Object.fromEntries(ids.map((id) => [id, tarballs[id]]));
      // Siblings that a package depends on come from the tarballs too.
      const manifest = { private: true, type: 'module', dependencies, devDependencies: tools, overrides: tarballs };
      writeFileSync(join(project, 'package.json'), JSON.stringify(manifest, null, 2));
      run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], project);
      return project;
    },
    remove: () => rmSync(work, { recursive: true, force: true }),
  };
}
