/**
 * Uses of the command `mixerzoo` in documents, held to the command itself: its parser takes the words, and what they name is there.
 * Nothing is trained: runs, figures, studies, tables and jobs are resolved by `--dry-run`.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ENGINE_NAMES } from '@mixerzoo/core/harness';
import { evalTask } from '@mixerzoo/lm-eval';
import { claims } from '@mixerzoo/theory';
import { main } from '../../packages/bench/src/command-line.ts';
import { PLACEHOLDER } from './shell.mjs';

const CONFIG = /\.(ts|mjs|yaml|json)$/;
const RESOLVED = ['run', 'validate', 'figure', 'study', 'table', 'submit'];

/** What other commands name, by command: each throws, or returns what was expected. */
const NAMED = {
  list: ([what]) => command(['list', what, '--json']),
  theory(_, { claim = [], set = [] }) {
    const known = new Map(claims.map(({ id, sizes }) => [id, Object.keys(sizes.shape)]));
    for (const id of claim) if (!known.has(id)) return `a claim of ${[...known.keys()].join(', ')}, got '${id}'`;
    for (const path of set.map((each) => each.split('=')[0])) {
      const [id, size] = path.split('.');
      if (!known.get(id)?.includes(size)) return `a size of a claim, got '${path}'`;
    }
  },
  engines([action, engine]) {
    if (!['list', 'install', 'verify'].includes(action)) return `list, install or verify, got '${action}'`;
    if (engine !== undefined && !ENGINE_NAMES.includes(engine)) return `an engine, got '${engine}'`;
  },
  eval(_, { tasks = [] }) {
    for (const name of tasks.flatMap((each) => each.split(','))) if (name !== 'perplexity') evalTask(name);
  },
  export([format]) {
    if (!['tensorboard', 'hf'].includes(format)) return `tensorboard or hf, got '${format}'`;
  },
  data([action], { corpus = ['factbook'] }) {
    if (!['prepare', 'info'].includes(action)) return `prepare or info, got '${action}'`;
    if (corpus[0] !== 'factbook') return `the corpus factbook, got '${corpus[0]}'`;
  },
};

/**
 * @param typed - what follows `mixerzoo`.
 * @param options - `cwd`, where the document's configs are, and `parseOnly`: names may be the reader's.
 * @returns what is wrong, undefined if nothing is.
 */
export async function mixerzooFault(typed, { cwd, parseOnly }) {
  const words = typed.filter((word) => word !== '--source'); // taken before the parser
  if (words[0] === PLACEHOLDER) return undefined;
  let found;
  const parsed = await quietly(() =>
    main(['node', 'mixerzoo', ...words], ({ matchedCommand, args, options }) => {
      found = { name: matchedCommand.name, args, options };
      return 0;
    }),
  );
  if (parsed.code !== 0) return parsed.output.trim();
  if (parseOnly || !found || words.includes(PLACEHOLDER)) return undefined;
  try {
    if (RESOLVED.includes(found.name)) return await within(cwd, () => dryRun(words, found));
    const expected = await within(cwd, async () => NAMED[found.name]?.(found.args, found.options));
    return expected && `expected ${expected}`;
  } catch (error) {
    return error.message;
  }
}

/** What `run`, `figure` and their like would do. Configs that the document does not give are stood in for. */
async function dryRun(words, { name, args, options }) {
  for (const file of [args[0], ...(options.config ?? [])]) {
    if (!file || !CONFIG.test(file) || isAbsolute(file) || existsSync(file) || file.includes('/')) continue;
    const standIn = file.endsWith('.yaml') ? 'extends: quick\n' : '{ "extends": "quick" }';
    writeFileSync(join('.', file), file.match(/\.(ts|mjs)$/) ? `export default ${standIn};\n` : standIn);
  }
  const rest = words.slice(1).filter((word) => word !== '--dry-run' && word !== '--submit');
  const fault = await command([name === 'validate' ? 'run' : name, ...rest, '--dry-run']);
  return fault && `mixerzoo ${words.join(' ')}: ${fault}`;
}

/** @returns what a command that fails prints. */
async function command(words) {
  const { code, output } = await quietly(() => main(['node', 'mixerzoo', ...words]));
  return code === 0 ? undefined : output.trim();
}

async function within(directory, act) {
  const before = process.cwd();
  process.chdir(directory);
  try {
    return await act();
  } finally {
    process.chdir(before);
  }
}

/** Runs with standard output and error caught. */
async function quietly(act) {
  const streams = [process.stdout, process.stderr];
  const writes = streams.map((stream) => stream.write);
  let output = '';
  for (const stream of streams) {
    stream.write = (chunk, ...rest) => {
      output += chunk;
      const done = rest.find((each) => typeof each === 'function');
      done?.();
      return true;
    };
  }
  try {
    return { code: await act(), output };
  } finally {
    for (const [index, stream] of streams.entries()) stream.write = writes[index];
  }
}
