/** Which engines this machine has, from source: what `mixerzoo engines list` says. */
import { spawnSync } from 'node:child_process';

const COMMAND = ['--conditions=@mixerzoo/source', '--import', 'tsx', 'packages/bench/src/cli.ts'];

/** By name: whether it is there, and on what it runs or why not. Empty, and said, if the command itself fails. */
export function findEngines() {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...COMMAND, 'engines', 'list', '--json'], {
    encoding: 'utf8',
  });
  try {
    return new Map(JSON.parse(stdout).map((engine) => [engine.name, engine]));
  } catch {
    console.error(`engines: expected the command to list them, got exit code ${status}: ${stderr}`);
    return new Map();
  }
}
