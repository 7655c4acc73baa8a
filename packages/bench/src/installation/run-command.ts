/** Commands that other programs provide. */
import { spawn } from 'node:child_process';

/** How a command ended; `code` is null where it could not be started. */
export interface CommandResult {
  readonly code: number | null;
  /** What it wrote, standard output and standard error together. */
  readonly output: string;
}

/** Runs a command without a shell. */
export function runCommand(command: string, args: readonly string[], cwd = process.cwd()): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** The first of the commands that runs and succeeds with these arguments. */
export async function firstWorking(
  commands: readonly (string | undefined)[],
  args: readonly string[],
): Promise<string | undefined> {
  for (const command of commands) if (command && (await runCommand(command, args)).code === 0) return command;
  return undefined;
}

/** Of an output; where programs say what went wrong. */
export const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? '';
