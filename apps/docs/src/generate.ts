/**
 * Writes the pages of the site: copies of the documents with their links moved, tables of options below the READMEs of packages, the
 * references of command and API, and what the zoo has. `site.json` says what stands where.
 */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createCommands, main } from '../../../packages/bench/src/command-line.js';
import { discoverPlugins, type Registry } from '../../../packages/bench/src/plugins.js';
import { apiIndex, apiPackages, apiPage } from './api.js';
import { cliReference } from './cli-reference.js';
import { documents, PAGES, pageOf, REPOSITORY, summaryOf, titleOf, toPage } from './documents.js';
import { GROUPS, LAST_GROUP } from './groups.js';
import { homePage } from './home.js';
import { LISTS, type ListRow, packageSections, zooPage } from './zoo.js';

/** A page as the side bar and llms.txt name it. */
export interface SitePage {
  readonly page: string;
  readonly title: string;
  readonly summary: string;
}

const known = documents();
const site = new Map<string, SitePage>();

/** Writes a page, and notes its title and first sentence. */
function write(document: string, page: string, text: string): void {
  site.set(document, { page, title: titleOf(page, text), summary: summaryOf(text) });
  const path = join(PAGES, page);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function writeDocument(document: string, registry: Registry): void {
  const { text, pictures } = toPage(document, known);
  const [, name] = /^packages\/([^/]+)\/README\.md$/.exec(document) ?? [];
  write(document, pageOf(document), name ? `${text}\n${packageSections(`@mixerzoo/${name}`, registry)}\n` : text);
  for (const picture of pictures) {
    mkdirSync(dirname(join(PAGES, picture)), { recursive: true });
    copyFileSync(join(REPOSITORY, picture), join(PAGES, picture));
  }
}

/** What a command prints. @throws Error if it fails. */
async function printed(...words: string[]): Promise<string> {
  const { write } = process.stdout;
  let output = '';
  process.stdout.write = (chunk: string | Uint8Array) => {
    output += String(chunk);
    return true;
  };
  try {
    const exit = await main(['node', 'mixerzoo', ...words]);
    if (exit !== 0) throw new Error(`mixerzoo ${words.join(' ')}: expected exit code 0, got ${exit}.\n${output}`);
  } finally {
    process.stdout.write = write;
  }
  return output;
}

rmSync(PAGES, { recursive: true, force: true });
process.chdir(REPOSITORY);
const registry = await discoverPlugins(REPOSITORY);
for (const document of known) writeDocument(document, registry);
write('reference/cli.md', 'reference/cli.md', cliReference(createCommands()));
const lists: Record<string, readonly ListRow[]> = {};
for (const what of Object.keys(LISTS)) lists[what] = JSON.parse(await printed('list', what, '--json'));
write('reference/zoo.md', 'reference/zoo.md', zooPage(lists as Parameters<typeof zooPage>[0]));
const packages = apiPackages();
write('reference/api/index.md', 'reference/api/index.md', apiIndex(packages));
const apiPages = packages.map((name) => `reference/api/${name}.md`);
for (const [index, name] of packages.entries()) write(apiPages[index]!, apiPages[index]!, apiPage(name));
writeFileSync(join(PAGES, 'index.md'), homePage());

const placed = [...GROUPS, { text: 'API', pages: apiPages }];
const grouped = new Set(placed.flatMap(({ pages }) => pages));
const others = [...site.keys()].filter((document) => !grouped.has(document));
const groups = placed.map(({ text, pages }) => ({
  text,
  pages: [...pages, ...(text === LAST_GROUP ? others : [])].flatMap((document) => site.get(document) ?? []),
}));
writeFileSync(join(PAGES, 'site.json'), `${JSON.stringify(groups, null, 1)}\n`);
console.log(`${site.size} pages in ${PAGES}`);
process.exit(0);
