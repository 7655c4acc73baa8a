/**
 * The entry of the process: of the command, and of the workers it starts. It ends by `exit`, since a GPU backend may
 * keep a process alive.
 */
import module from 'node:module';
import { main } from './command-line.js';
import { expectOwnEnd, surviveOutputErrors } from './process-end.js';
import { WORKER_ARGUMENT } from './runs/worker-argument.js';
import { print } from './terminal.js';

// Where Node has it (22.8 and later): compiled code is kept in the system's directory for temporary files.
(module as { enableCompileCache?: () => void }).enableCompileCache?.();
const outputError = surviveOutputErrors();
if (process.argv[2] === WORKER_ARGUMENT) await (await import('./runs/worker.js')).serveWorker();
else {
  const atOwnEnd = expectOwnEnd();
  const code = await main(process.argv);
  // A pipe takes what is written later than we write it: an exit would cut the end off.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  const error = outputError();
  if (error) print(`mixerzoo: expected to print everything, got ${error.code}. Files are complete.`, process.stderr);
  atOwnEnd();
  process.exit(code === 0 && error ? 1 : code);
}
