/**
 * Serves a report while its runs go on: the page at `/`, and at `/events` word of what is new, as server-sent events. It reads and
 * never writes, answers GET alone, and knows no other path, so that no file can be reached through it. While nobody
 * follows the page nothing is read.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvalidConfigError } from '@mixerzoo/core';
import { createHostCheck } from './allowed-hosts.js';
import type { LiveReport, Sight } from './live-report.js';

/** Where to listen, and how often to look. */
export interface LiveServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Further ports to try where that is taken. Default: none. */
  readonly furtherPorts?: number;
  /** Milliseconds between looks at the runs, at least; a look that takes long is followed by a longer rest. Default: 2000. */
  readonly pauseMs?: number;
}

/** A server that listens. */
export interface LiveServer {
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Pages that may follow at a time; each holds a connection. */
const MOST_FOLLOWERS = 64;
/** Looks take at most a fifth of the time: the machine is the trainings'. */
const REST = 4;

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

/** @throws InvalidConfigError where it cannot listen there. */
export async function serveLive(
  report: LiveReport,
  { host, port, furtherPorts = 0, pauseMs = 2000 }: LiveServerOptions,
): Promise<LiveServer> {
  const isOurs = createHostCheck(host);
  const followers = new Map<ServerResponse, string | undefined>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = (request.url ?? '').split('?', 1);
    if (!isOurs(request.headers.host)) refuse(response, 403, `This server is not ${request.headers.host}.`);
    else if (request.method !== 'GET') refuse(response, 405, 'Expected GET.', { Allow: 'GET' });
    else if (path === '/events') follow(request, response);
    else if (path !== '/') refuse(response, 404, 'There is nothing but the page at /.');
    else {
      await report.look();
      const page = await report.page();
      response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8' }).end(page);
    }
  }

  function follow(request: IncomingMessage, response: ServerResponse): void {
    if (request.headers['sec-fetch-site'] === 'cross-site') {
      refuse(response, 403, 'Expected the page itself.');
      return;
    }
    if (followers.size >= MOST_FOLLOWERS) {
      refuse(response, 503, `${MOST_FOLLOWERS} pages follow already.`);
      return;
    }
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
    response.write('retry: 2000\n\n');
    followers.set(response, undefined);
    response.once('close', () => followers.delete(response));
    schedule(0);
  }

  function schedule(ms: number): void {
    clearTimeout(timer);
    if (!isClosed && followers.size > 0) timer = setTimeout(tellAll, ms);
  }

  async function tellAll(): Promise<void> {
    const begun = performance.now();
    try {
      const sight = await report.look();
      for (const [response, told] of followers) tell(response, told, sight);
    } catch (error) {
      for (const response of followers.keys()) send(response, 'trouble', oneLine(messageOf(error)));
    }
    schedule(Math.max(pauseMs, REST * (performance.now() - begun)));
  }

  function tell(response: ServerResponse, told: string | undefined, { version, heard }: Sight): void {
    if (response.writableNeedDrain) return; // it does not read: it is told once it does
    if (told !== version) send(response, 'page', version);
    send(response, 'heard', JSON.stringify(heard));
    followers.set(response, version);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => refuse(response, 500, messageOf(error)));
  });
  await listen(server, host, port, furtherPorts);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      for (const response of followers.keys()) response.end();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function refuse(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...HEADERS, ...headers, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function send(response: ServerResponse, event: string, data: string): void {
  response.write(`event: ${event}\ndata: ${data}\n\n`);
}

async function listen(server: Server, host: string, port: number, furtherPorts: number): Promise<void> {
  for (let at = port; ; at++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(at, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && at < port + furtherPorts) continue;
      const hint =
        code === 'EADDRINUSE' ? 'Take another --port, or 0 for one that is free.' : 'Choose another --host or --port.';
      throw new InvalidConfigError(`${host}, port ${at}: expected to listen there, got ${code}. ${hint}`, {
        cause: error,
      });
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const oneLine = (text: string) => text.replace(/\s+/g, ' ');
