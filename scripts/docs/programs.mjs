/** TypeScript and JavaScript of documents: type-checked on the packages' sources; those of READMEs that print are run. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const FROM_SOURCE = ['--conditions=@mixerzoo/source', '--import', 'tsx'];

/** Puts a block into the directory of its document: under the path that its first line names, else a number. */
export function writeProgram(block, directory, number) {
  const [, path = `block-${number}.m${block.language}`] = /^\/\/ (\S+\.ts)\n/.exec(block.code) ?? [];
  block.directory = directory;
  block.path = join(directory, path);
  mkdirSync(dirname(block.path), { recursive: true });
  writeFileSync(block.path, block.code);
}

/** @returns the errors of tsc, each with the block it is of. */
export async function typeFaults(programs, scratch) {
  const faults = [];
  const directories = [...new Set(programs.map(({ directory }) => directory))];
  for (const [language, options] of [
    ['ts', {}],
    ['js', { allowJs: true, checkJs: true, noImplicitAny: false, noUncheckedIndexedAccess: false }],
  ]) {
    const files = programs.filter((block) => block.language === language).map(({ path }) => path);
    if (files.length === 0) continue;
    const compilerOptions = {
      ...options,
      noEmit: true,
      declaration: false,
      declarationMap: false,
      // A block that is a file of a package of ours imports its neighbours.
      rootDirs: [resolve('.'), ...directories],
    };
    const project = join(scratch, `tsconfig.${language}.json`);
    writeFileSync(project, JSON.stringify({ extends: resolve('tsconfig.base.json'), compilerOptions, files }));
    const { output } = await run(process.execPath, [
      'node_modules/typescript/bin/tsc',
      ...['-p', project, '--pretty', 'false'],
    ]);
    const errors = output.split('\n').filter((line) => /error TS\d+/.test(line));
    for (const line of errors) {
      const [, file] = /^(.+?)\(\d+,\d+\): /.exec(line) ?? [];
      const block = file && programs.find(({ path }) => path === resolve(file));
      if (block) faults.push(`${block.where}: ${line.replace(file, relative(scratch, block.path))}`);
      else if (!file) faults.push(`types of documents: ${line}`); // the packages' own are for `npm run typecheck`
    }
  }
  return faults;
}

/** Whether a block is a program of a README that shows something. */
export const runsAlone = ({ file, code }) =>
  /(^|\/)README\.md$/.test(file) && /^import /m.test(code) && /await useEngine\(|console\.log|\.print\(/.test(code);

/** @returns what a program that failed printed. */
export async function runFault({ where, path }) {
  const { code, output } = await run(process.execPath, [...FROM_SOURCE, path], {
    MIXERZOO_ENGINE: 'wasm',
    MIXERZOO_NATIVE: '0',
  });
  return code === 0 ? undefined : `${where}: expected a program that runs, got exit code ${code}.\n${output}`;
}

function run(command, args, env = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => done({ code, output }));
  });
}
