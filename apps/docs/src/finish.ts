/**
 * After VitePress has built: llms.txt, the pages as Markdown that it names, and a check of the whole. Without the check the command
 * would publish links that lead nowhere.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkSite } from './check-site.js';
import { PAGES } from './documents.js';
import type { SitePage } from './generate.js';
import { llmsText } from './llms.js';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const groups: readonly { readonly text: string; readonly pages: readonly SitePage[] }[] = JSON.parse(
  readFileSync(join(PAGES, 'site.json'), 'utf8'),
);
for (const { page } of groups.flatMap(({ pages }) => pages)) {
  mkdirSync(dirname(join(dist, page)), { recursive: true });
  copyFileSync(join(PAGES, page), join(dist, page));
}
writeFileSync(join(dist, 'llms.txt'), llmsText(groups));
const { pages, links, faults } = checkSite(dist, process.env['SITE_BASE'] ?? '/');
for (const fault of faults) console.error(fault);
console.log(`${pages} pages, ${links} links in ${dist}, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
