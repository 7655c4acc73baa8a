/** What must not end the command: output that nobody takes, a config or a plugin that calls `process.exit`. */
import { print } from './terminal.js';

/**
 * Keeps errors of standard output and standard error (a full disk, a terminal that was closed) from ending the process.
 * A reader that has read enough (`| head`) closes the pipe: that is no error.
 * @returns what to ask for the first error.
 */
export function surviveOutputErrors(): () => NodeJS.ErrnoException | undefined {
  let first: NodeJS.ErrnoException | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') first ??= error;
    });
  }
  return () => first;
}

/** Node's exit code where a top-level await waits for nothing that could still come. */
const UNSETTLED = 13;

/**
 * Makes an end with exit code 0 that is not the command's own one with code 1 and a word.
 * @returns what to call at its own end.
 */
export function expectOwnEnd(): () => void {
  const complain = (code: number) => {
    if (code !== 0 && code !== UNSETTLED) return;
    process.exitCode = 1;
    print(
      'mixerzoo: expected to end at the end of the command, got ended before. Does a config or a plugin call process.exit, or wait for what never comes?',
      process.stderr,
    );
  };
  process.once('exit', complain);
  return () => void process.off('exit', complain);
}
