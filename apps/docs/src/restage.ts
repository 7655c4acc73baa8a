/** While the site is served for writing: a document that changes is copied again. Tables and references wait for the next start. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { documents, PAGES, pageOf, REPOSITORY, toPage } from './documents.js';

/** A plugin of Vite. */
export function restageOnChange() {
  return {
    name: 'restage-on-change',
    configureServer({
      watcher,
    }: {
      watcher: { add(paths: string[]): void; on(event: 'change', act: (path: string) => void): void };
    }) {
      const known = documents();
      watcher.add(known.map((document) => join(REPOSITORY, document)));
      watcher.on('change', (path) => {
        const document = relative(REPOSITORY, path).replaceAll('\\', '/');
        if (known.includes(document)) writeFileSync(join(PAGES, pageOf(document)), toPage(document, known).text);
      });
    },
  };
}
