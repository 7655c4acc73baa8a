/** Pages for a headless Chromium: directories served to it, and what is awaited within a time. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { CHROMIUM_PLACES, findChromium } from './chromium.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** A browser; undefined, with the reason printed, where there is none. The caller closes it. */
export async function launchChromium(...args) {
  const executablePath = findChromium();
  if (executablePath) return chromium.launch({ executablePath, args: ['--no-sandbox', ...args] });
  console.log(`skipped: no Chromium in ${CHROMIUM_PLACES.join(', ')}; set CHROMIUM_PATH to one`);
  return undefined;
}

export function page(script) {
  return `<!doctype html><title>mixerzoo</title><script type="module" src="${script}"></script>`;
}

/** Serves a directory on loopback; with a script, every directory of it is a page that loads it. */
export function serveDirectory(root, script, headers = {}) {
  return new Promise((resolve) => {
    const server = createServer(({ url }, response) => {
      const file = join(root, url.endsWith('/') ? `${url}index.html` : url);
      const html = script && url.endsWith('/') ? page(script) : undefined;
      const found = html !== undefined || existsSync(file);
      response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'text/plain', ...headers });
      response.end(html ?? (found ? readFileSync(file) : ''));
    });
    server.listen(0, '127.0.0.1', () =>
      resolve({ origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }),
    );
  });
}

/** @throws Error unless a promise is settled within so many milliseconds. */
export function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: expected an end within ${ms / 1000} s, got none`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
