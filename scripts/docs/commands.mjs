/** Shell of documents: each command is held to the scripts, packages and tests of the repository, or to `mixerzoo` itself. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mixerzooFault } from './mixerzoo.mjs';
import { commandsOf, PLACEHOLDER } from './shell.mjs';

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const manifests = readdirSync('packages').map((name) => readJson(join('packages', name, 'package.json')));
const packages = manifests.map(({ name }) => name);
const bins = manifests.flatMap(({ bin = {} }) => Object.keys(bin));
const { scripts } = readJson('package.json');

/** Programs of a system: nothing of ours is in their words. */
const OTHERS = ['cd', 'cp', 'export', 'git', 'kubectl', 'mkdir'];

/**
 * @param words - of one command.
 * @param surroundings - of the document: `cwd`, `parseOnly`, and `made`, names of packages that its commands make.
 * @returns what is wrong, undefined if nothing is.
 */
async function commandFault([program, ...words], surroundings) {
  if (program === 'mixerzoo') return mixerzooFault(words, surroundings);
  if (program === 'npm') return npmFault(words, surroundings);
  if (program === 'npx') return npxFault(words, surroundings);
  if (program === 'node') {
    const file = words.find((word) => !word.startsWith('-'));
    const there = [file, join('packages/bench', file ?? '')].some((path) => path && existsSync(path));
    return there ? undefined : `expected node with a file of the repository, got '${file}'`;
  }
  if (OTHERS.includes(program)) return undefined;
  return `expected a command of ${['mixerzoo', 'npm', 'npx', 'node', ...OTHERS].join(', ')}, got '${program}'`;
}

function npmFault([verb, ...words], { made }) {
  const named = words.filter((word) => !word.startsWith('-'));
  if (verb === 'install' || verb === 'i') {
    const unknown = named.filter((name) => name.startsWith('@mixerzoo/') && !packages.includes(unversioned(name)));
    return unknown.length > 0 ? `expected packages of the repository, got '${unknown.join(' ')}'` : undefined;
  }
  if (verb === 'create' || verb === 'init') {
    const name = `create-${unversioned(named[0])}`;
    return packages.includes(name) ? undefined : `expected a package '${name}', got none`;
  }
  const script = verb === 'run' ? words.find((word) => !word.startsWith('-')) : verb;
  if (['ci', 'publish', 'pack'].includes(script)) return undefined;
  if (!Object.hasOwn(scripts, script)) return `expected a script of package.json, got 'npm ${verb} ${words.join(' ')}'`;
  if (script.startsWith('new:')) made.push(named.find((word) => word !== script));
  return undefined;
}

async function npxFault(words, surroundings) {
  const rest = words[0] === '-p' ? words.slice(2) : words;
  const [name, ...args] = rest;
  if (words[0] === '-p' && !packages.includes(unversioned(words[1]))) return `expected a package, got '${words[1]}'`;
  if (name === 'mixerzoo') {
    if (args[0] === 'new-mixer') surroundings.made.push(args[1]);
    return mixerzooFault(args, surroundings);
  }
  if (name === 'vitest') return vitestFault(args, surroundings);
  const known = bins.includes(name) || existsSync(join('node_modules/.bin', name));
  return known ? undefined : `expected a program of the repository, got 'npx ${name}'`;
}

function vitestFault(args, { made }) {
  const projects = [...readdirSync('packages'), ...readdirSync('templates'), 'scripts', ...made, PLACEHOLDER];
  const at = args.indexOf('--project');
  if (at >= 0 && !projects.includes(args[at + 1])) return `expected a project of vitest, got '${args[at + 1]}'`;
  const config = args.indexOf('--config');
  if (config >= 0 && !existsSync(args[config + 1])) return `expected a config of vitest, got '${args[config + 1]}'`;
  return undefined;
}

const unversioned = (name = '') => name.replace(/(?<=.)@.*$/, '');

/** Faults of a block of shell, a line each. */
export async function shellFaults({ where, code, sketch }, surroundings) {
  try {
    const faults = [];
    for (const words of commandsOf(code)) {
      const fault = await commandFault(words, { ...surroundings, parseOnly: sketch !== undefined });
      if (fault) faults.push(`${where}: ${fault}`);
    }
    return faults;
  } catch (error) {
    return [`${where}: ${error.message}`];
  }
}

/**
 * Code in prose that is a command with words of its own: `npm run …`, `mixerzoo figure …`.
 * @returns what is wrong, undefined if nothing is, null of what is no command.
 */
export async function spanFault({ where, code }, surroundings) {
  if (!/^(npx )?mixerzoo \S+ \S|^npm (run \S|test$|start$)/.test(code) || /[|;[]/.test(code)) return null;
  const [fault] = await shellFaults({ where, code, sketch: 'prose' }, surroundings);
  return fault;
}
