/** `mixerzoo report --serve`: the report as a page that follows its runs, until it is interrupted. */
import { stat } from 'node:fs/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import { isLoopback } from '../report/live/allowed-hosts.js';
import { createLiveReport } from '../report/live/live-report.js';
import { serveLive } from '../report/live/live-server.js';
import { print, printJson } from '../terminal.js';
import { createFaultLog } from './fault-log.js';

/** Flags of the server. */
export interface ServeFlags {
  readonly host?: readonly string[];
  readonly port?: readonly string[];
  readonly json?: boolean;
}

const LOOPBACK = '127.0.0.1';
/** Where it is tried first, and how many ports after it. */
const PORT = 7411;
const FURTHER_PORTS = 20;

/** @returns the exit code, once it is interrupted. @throws InvalidConfigError if there is no such directory, or no place to listen. */
export async function serveReport(from: string, flags: ServeFlags): Promise<number> {
  const host = flags.host?.at(-1) ?? LOOPBACK;
  const port = parsePort(flags.port?.at(-1));
  if (!(await isDirectory(from))) {
    throw new InvalidConfigError(`${from}: expected a directory of runs, got none. Make runs with \`mixerzoo run\`.`);
  }
  const report = createLiveReport(from, createFaultLog().name);
  const interrupted = untilInterrupted();
  const server = await serveLive(report, {
    host,
    port: port ?? PORT,
    furtherPorts: port === undefined ? FURTHER_PORTS : 0,
  });
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}/`;
  if (flags.json) printJson({ url, host, port: server.port, directory: from });
  else {
    print(`Report of ${from}, while its runs go on: ${url}`);
    print('Ctrl-C ends it.');
  }
  if (!isLoopback(host)) {
    print(
      `Not on this machine alone: whoever reaches ${host}, port ${server.port}, can read these runs. There is no password and no encryption.`,
      process.stderr,
    );
  }
  await interrupted;
  await server.close();
  return 0;
}

/** @throws InvalidConfigError */
function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidConfigError(`--port: expected a whole number from 0 to 65535, got '${text}'.`);
  }
  return port;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
