/** The command as users run it, from source: real processes in a directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TINY } from './tiny-experiment.js';

export const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export function newProject(config = TINY): string {
  const cwd = mkdtempSync(join(tmpdir(), 'mixerzoo-cli-'));
  writeFileSync(join(cwd, 'tiny.yaml'), config);
  return cwd;
}

export const NODE_FLAGS = ['--conditions=@mixerzoo/source', '--import', LOADER];

export function start(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], { cwd, env: { ...process.env, ...env } });
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const mixerzoo = (cwd: string, ...args: string[]) => ended(start(cwd, args));

/** Node's arguments that run the command. */
export const COMMAND = [...NODE_FLAGS, CLI] as const;

/** Runs any program to its end. */
export const run = (program: string, args: readonly string[], cwd: string) => ended(spawn(program, args, { cwd }));

export async function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export const runDirectories = (cwd: string) => {
  const root = join(cwd, 'runs', 'tiny');
  return existsSync(root)
    ? readdirSync(root)
        .filter((name) => /-s\d+-/.test(name))
        .map((name) => join(root, name))
    : [];
};

export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 120_000; !condition(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}`);
  }
}

export const epochsIn = (directory: string) =>
  (existsSync(join(directory, 'checkpoint', 'checkpoint.json')) &&
    readFileSync(join(directory, 'metrics.jsonl'), 'utf8').match(/"kind":"epoch"/g)?.length) ||
  0;

/** The process that holds the lease of a directory. */
export function ownerOf(directory: string): number | undefined {
  try {
    const lock = join(directory, '.lock');
    const [name] = readdirSync(lock) as [string];
    return (JSON.parse(readFileSync(join(lock, name), 'utf8')) as { pid: number }).pid;
  } catch {
    return undefined; // nobody, at this moment
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
