/** What is built, as a browser would find it: links and anchors lead somewhere, and nothing is asked of another host. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { type HTMLElement, parse } from 'node-html-parser';

/** Elements that a browser fetches for, with the attribute that says what. */
const FETCHED = { script: 'src', img: 'src', iframe: 'src', source: 'src', link: 'href' } as const;

interface SiteReport {
  readonly pages: number;
  readonly links: number;
  /** What is wrong, a line each. */
  readonly faults: readonly string[];
}

/**
 * @param dist - the directory of the built site.
 * @param base - the path that it is served under, as `/mixerzoo/`.
 */
export function checkSite(dist: string, base: string): SiteReport {
  const files = (readdirSync(dist, { recursive: true }) as string[]).filter((path) => path.endsWith('.html'));
  const documents = new Map<string, HTMLElement>(
    files.map((path) => [path.replaceAll('\\', '/'), parse(readFileSync(join(dist, path), 'utf8'))]),
  );
  const anchors = new Map([...documents].map(([path, page]) => [path, anchorsOf(page)]));
  const faults: string[] = [];
  let links = 0;
  for (const [path, page] of documents) {
    for (const [tag, attribute] of Object.entries(FETCHED)) {
      for (const element of page.querySelectorAll(tag)) {
        const address = element.getAttribute(attribute) ?? '';
        if (/^(https?:)?\/\//.test(address)) faults.push(`${path}: expected nothing from another host, got ${address}`);
        else if (address !== '' && !address.startsWith('data:')) check(path, address);
      }
    }
    for (const link of page.querySelectorAll('a')) check(path, link.getAttribute('href') ?? '');
  }
  return { pages: documents.size, links, faults: [...new Set(faults)] };

  function check(path: string, address: string): void {
    if (address === '' || /^[a-z]+:/.test(address) || address.startsWith(`${base}playground/`)) return;
    links += 1;
    const [target = '', anchor = ''] = address.split('#').map(decodeURIComponent);
    const inside = target.startsWith('/') ? withoutBase(target) : posix.join(posix.dirname(path), target);
    const to = target === '' ? path : inside && fileOf(inside);
    if (!to) faults.push(`${path}: expected a link to a page, got ${address}`);
    else if (anchor !== '' && !anchors.get(to)?.has(anchor))
      faults.push(`${path}: expected a heading of ${to}, got #${anchor}`);
  }

  function withoutBase(target: string): string | undefined {
    return target.startsWith(base) ? target.slice(base.length) || '.' : undefined;
  }

  function fileOf(path: string): string | undefined {
    const found = [path, posix.join(path, 'index.html')].find((each) => {
      return existsSync(join(dist, each)) && statSync(join(dist, each)).isFile();
    });
    return found && relative('.', join('.', found)).replaceAll('\\', '/');
  }
}

const anchorsOf = (page: HTMLElement) =>
  new Set(page.querySelectorAll('[id]').flatMap((element) => element.getAttribute('id') ?? []));
