/** The first argument of the command where it is a worker. */
export const WORKER_ARGUMENT = '__worker';
