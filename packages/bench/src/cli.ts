/**
 * The entry of the process: of the command, and of the workers it starts. It ends by `exit`, since a GPU backend may
 * keep a process alive.
 */
import { main } from './command-line.js';
import { WORKER_ARGUMENT } from './run-experiment.js';
import { serveWorker } from './worker.js';

if (process.argv[2] === WORKER_ARGUMENT) await serveWorker();
else process.exit(await main(process.argv));
