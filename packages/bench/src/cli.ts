/**
 * The entry of the process: of the command, and of the workers it starts. It ends by `exit`, since a GPU backend may
 * keep a process alive.
 */
import { main } from './command-line.js';
import { WORKER_ARGUMENT } from './runs/run-experiment.js';
import { serveWorker } from './runs/worker.js';

// A reader that has read enough (`| head`) closes the pipe: no reason to end what goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

if (process.argv[2] === WORKER_ARGUMENT) await serveWorker();
else {
  const code = await main(process.argv);
  // A pipe takes what is written later than we write it: an exit would cut the end off.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  process.exit(code);
}
