/** The server of a report that follows its runs: what it answers, and what it refuses. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { LiveReport } from './live-report.js';
import { type LiveServer, type LiveServerOptions, serveLive } from './live-server.js';

/** A machine that trains has little left for a browser. */
const PATIENTLY = { timeout: 120_000 };

const open: LiveServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

/** A report that counts how often it is looked at. */
function countingReport(): LiveReport & { looks: number; fault?: Error; version: string } {
  const report = {
    looks: 0,
    version: 'one',
    fault: undefined as Error | undefined,
    async look() {
      report.looks += 1;
      if (report.fault) throw report.fault;
      return { version: report.version, heard: { '/runs/a': '3 s ago' } };
    },
    page: async () => '<p>page</p>',
  };
  return report as LiveReport & { looks: number; fault?: Error; version: string };
}

async function serve(report: LiveReport, options: Partial<LiveServerOptions> = {}): Promise<LiveServer> {
  const server = await serveLive(report, { host: '127.0.0.1', port: 0, pauseMs: 20, ...options });
  open.push(server);
  return server;
}

/** A request as it is written, without what `fetch` would put right. */
async function ask(
  { port }: LiveServer,
  path: string,
  { method = 'GET', host = `127.0.0.1:${port}`, ...headers }: Record<string, string> = {},
): Promise<IncomingMessage> {
  const sent = request({ port, host: '127.0.0.1', path, method, agent: false, headers: { host, ...headers } }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer.setEncoding('utf8');
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += chunk;
  return text;
}

/** Reads events until one of a name comes. */
async function eventOf(answer: IncomingMessage, name: string): Promise<string> {
  let text = '';
  for (;;) {
    const data = new RegExp(`event: ${name}\ndata: (.*)\n\n`).exec(text)?.[1];
    if (data !== undefined) return data;
    const [chunk] = (await once(answer, 'data')) as [string];
    text += chunk;
  }
}

it('serves the page, to nobody else and not from a store', async () => {
  const answer = await ask(await serve(countingReport()), '/?anything');
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-frame-options': 'DENY',
    'cross-origin-resource-policy': 'same-origin',
  });
  expect(await textOf(answer)).toBe('<p>page</p>');
});

it.each([
  '/../../../../etc/passwd',
  '/..%2f..%2fetc%2fpasswd',
  '/%2e%2e/package.json',
  '//etc/passwd',
  '/report.html',
  '/events/..',
  'http://elsewhere.example/',
])('knows no %s', async (path) => {
  expect((await ask(await serve(countingReport()), path)).statusCode).toBe(404);
});

it.each(['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])('refuses %s', async (method) => {
  const answer = await ask(await serve(countingReport()), '/', { method });
  expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET']);
});

describe('the name it is called by', () => {
  const cases = [
    ['127.0.0.1', 'localhost:80', 200],
    ['127.0.0.1', '127.0.0.1:1', 200],
    ['127.0.0.1', '[::1]:1', 200],
    ['127.0.0.1', 'rebound.example', 403],
    ['127.0.0.1', 'localhost.rebound.example:80', 403],
    ['127.0.0.1', '127.0.0.1.rebound.example', 403],
    ['127.0.0.1', '192.0.2.1', 403],
    ['127.0.0.1', 'rebound.example@127.0.0.1', 403],
    ['0.0.0.0', '192.0.2.1:80', 200],
    ['0.0.0.0', 'rebound.example', 403],
    ['localhost', 'localhost', 200],
  ] as const;
  it.each(cases)('listening at %s, Host %j gets %i', async (host, header, status) => {
    const report = countingReport();
    const server = await serve(report, { host });
    const answer = await ask(server, '/', { host: header });
    expect(answer.statusCode).toBe(status);
    if (status === 403) expect(report.looks).toBe(0);
  });
});

it('looks while pages follow, and tells them what is new', async () => {
  const report = countingReport();
  const server = await serve(report);
  const events = await ask(server, '/events');
  expect(await eventOf(events, 'page')).toBe('one');
  expect(JSON.parse(await eventOf(events, 'heard'))).toEqual({ '/runs/a': '3 s ago' });
  report.version = 'two';
  expect(await eventOf(events, 'page')).toBe('two');
  report.fault = new Error('/runs: expected to read it,\ngot EACCES.');
  expect(await eventOf(events, 'trouble')).toBe('/runs: expected to read it, got EACCES.');
  events.destroy();
  await expect
    .poll(async () => {
      const before = report.looks;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return report.looks - before;
    }, PATIENTLY)
    .toBe(0); // nobody is there
});

it('does not let a page of another site follow', async () => {
  const report = countingReport();
  const answer = await ask(await serve(report), '/events', { 'sec-fetch-site': 'cross-site' });
  expect([answer.statusCode, report.looks]).toEqual([403, 0]);
});

it('says what is wrong in place of a page that cannot be made', async () => {
  const report = countingReport();
  report.fault = new Error('no such directory');
  const answer = await ask(await serve(report), '/');
  expect([answer.statusCode, await textOf(answer)]).toEqual([500, 'no such directory\n']);
});

it('moves on from a port that is taken, where it may', async () => {
  const { port } = await serve(countingReport());
  const next = await serve(countingReport(), { port, furtherPorts: 20 });
  expect(next.port).toBeGreaterThan(port);
  await expect(serve(countingReport(), { port })).rejects.toThrow(
    `127.0.0.1, port ${port}: expected to listen there, got EADDRINUSE. Take another --port`,
  );
});

it('ends while pages follow', async () => {
  const server = await serve(countingReport());
  const events = await ask(server, '/events');
  await eventOf(events, 'page');
  const ended = once(events, 'close');
  events.on('error', () => {}); // the connection is cut
  await server.close();
  await ended;
  await expect(ask(server, '/')).rejects.toThrow('ECONNREFUSED');
});
