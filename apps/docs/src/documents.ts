/**
 * Documents of the repository as pages of the site. They stay where they are: the site has copies whose links lead to pages where
 * there are pages, and to the repository elsewhere.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
/** Where pages are written, and VitePress reads them. */
export const PAGES = fileURLToPath(new URL('../pages/', import.meta.url));
const SOURCE = 'https://github.com/mixerzoo/mixerzoo';

/** Documents for readers, by path: not changesets, changelogs, templates, notes of figures, and the site's own. */
export function documents(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  return listed
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(REPOSITORY, path)))
    .filter(
      (path) => !/^(\.changeset|\.github|templates|apps|docs\/figures)\/|(^|\/)(CHANGELOG|__fixtures__)/.test(path),
    )
    .sort();
}

/** The page of a document: `packages/cat/README.md` is `packages/cat/index.md`. The site's own first page is another. */
export function pageOf(document: string): string {
  if (document === 'README.md') return 'overview.md';
  return document.replace(/(^|\/)README\.md$/, '$1index.md');
}

/** A page's text, and the pictures that it shows, by path in the repository. */
export interface Page {
  readonly text: string;
  readonly pictures: readonly string[];
}

/** The page of a document. */
export function toPage(document: string, known: readonly string[]): Page {
  const pictures: string[] = [];
  const text = outsideCode(readFileSync(join(REPOSITORY, document), 'utf8'), (prose) =>
    prose
      .replace(/<!--[\s\S]*?-->\n?/g, '')
      .replace(/\]\(([^)\s]+)\)/g, (whole, target: string, at: number, all: string) => {
        const isShown = /!\[[^\]]*$/.test(all.slice(0, at));
        const moved = moveLink(document, target, known, isShown);
        if (moved.picture) pictures.push(moved.picture);
        return moved.target === target ? whole : `](${moved.target})`;
      }),
  );
  return { text, pictures };
}

/** Where a link of a document leads from its page; a picture that is only linked to leads to the repository. */
function moveLink(
  document: string,
  link: string,
  known: readonly string[],
  isShown: boolean,
): { target: string; picture?: string } {
  const [address = '', anchor] = link.split('#');
  const hash = anchor === undefined ? '' : `#${anchor}`;
  const ours = new RegExp(`^${SOURCE}/(?:blob|tree)/main/`);
  if (address === '' || (/^[a-z]+:/.test(address) && !ours.test(address))) return { target: link };
  const path = ours.test(address)
    ? address.replace(ours, '')
    : posix.normalize(posix.join(posix.dirname(document), address)).replace(/\/$/, '');
  const page = [path, `${path}/README.md`].find((each) => known.includes(each));
  const from = dirname(pageOf(document));
  if (page) return { target: `${relativeTo(from, pageOf(page))}${hash}` };
  if (isShown) return { target: relativeTo(from, path), picture: path };
  const kind = existsSync(join(REPOSITORY, path)) && statSync(join(REPOSITORY, path)).isDirectory() ? 'tree' : 'blob';
  return { target: `${SOURCE}/${kind}/main/${path}${hash}` };
}

function relativeTo(from: string, to: string): string {
  const path = relative(from, to).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** Changes what stands between blocks of code. */
export function outsideCode(text: string, change: (prose: string) => string): string {
  return text
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part, index) => (index % 2 === 1 ? part : change(part)))
    .join('');
}

/** The heading of a page, without marks. @throws Error if it has none. */
export function titleOf(page: string, text: string): string {
  const [, title] = /^# (.+)$/m.exec(text) ?? [];
  if (title === undefined) throw new Error(`${page}: expected a heading of the first level, got none.`);
  return title.replaceAll('`', '');
}

/** The first sentence below the heading, without marks and links; empty where a page has no prose before its parts. */
export function summaryOf(text: string): string {
  const [before = ''] = text.replace(/^[\s\S]*?^# .+$/m, '').split(/^#/m);
  const paragraph = before.split(/\n{2,}/).find((each) => /^[\w"*_`[(]/.test(each.trim()) && !each.startsWith('```'));
  const plain = (paragraph ?? '')
    .replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replace(/\*{1,2}/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return (/^.+?[.:](?= [A-Z`]|$)/.exec(plain)?.[0] ?? plain).replace(/:$/, '.');
}
