import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkSite } from './check-site.js';

let dist: string;
beforeEach(() => {
  dist = mkdtempSync(join(tmpdir(), 'mixerzoo-site-'));
  mkdirSync(join(dist, 'docs'));
  writeFileSync(join(dist, 'index.html'), '<a href="/zoo/docs/a.html#part">a</a><script src="/zoo/app.js"></script>');
  writeFileSync(join(dist, 'app.js'), '');
  writeFileSync(
    join(dist, 'docs/a.html'),
    '<h2 id="part">Part</h2><a href="../index.html">home</a><a href="https://x.org">x</a>',
  );
});
afterEach(() => rmSync(dist, { recursive: true, force: true }));

it('finds nothing wrong in a site whose links lead somewhere', () => {
  expect(checkSite(dist, '/zoo/')).toEqual({ pages: 2, links: 3, faults: [] });
});

it.each([
  ['a page that is not there', '<a href="b.html">b</a>', 'docs/b.html: expected a link to a page, got b2.html'],
  [
    'an anchor that is not there',
    '<a href="a.html#whole">a</a>',
    'docs/b.html: expected a heading of docs/a.html, got #whole',
  ],
  [
    'a page outside of the base',
    '<a href="/docs/a.html">a</a>',
    'docs/b.html: expected a link to a page, got /docs/a.html',
  ],
  [
    'a script of another host',
    '<script src="https://x.org/a.js"></script>',
    'docs/b.html: expected nothing from another host, got https://x.org/a.js',
  ],
])('names %s', (_what, html, fault) => {
  writeFileSync(join(dist, 'docs/b.html'), html.replace('"b.html"', '"b2.html"'));
  expect(checkSite(dist, '/zoo/').faults).toEqual([fault]);
});
