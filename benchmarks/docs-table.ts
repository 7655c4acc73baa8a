/** Tables of documents that are written from files of results in `benchmarks/results`, between markers. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { repositoryFile } from './repository.js';

/** The document that most tables stand in, by its path from the repository's root. */
const PERFORMANCE = 'docs/performance.md';

/** The file of results that a table is made of. */
export const resultsFile = (name: string): URL => repositoryFile(`benchmarks/results/${name}.json`);

/**
 * The text of a document with another text between the markers of a table.
 * @param path the document's, for the error.
 * @throws Error if it has no such markers.
 */
export function withTable(document: string, name: string, markdown: string, path = PERFORMANCE): string {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [document.indexOf(start), document.indexOf(end)];
  if (from < 0 || to < from) {
    throw new Error(
      `bench:${name}: expected ${path} to have the markers ${start} and ${end}. Put them where the table is to stand.`,
    );
  }
  return `${document.slice(0, from + start.length)}\n\n${markdown.trim()}\n\n${document.slice(to)}`;
}

/** Keeps the results, and puts their table into the document at `path` and their plot beside it. */
export async function writeDocsTable(
  name: string,
  results: object,
  markdown: string,
  { plot, path = PERFORMANCE }: { readonly plot?: string; readonly path?: string } = {},
): Promise<void> {
  const file = resultsFile(name);
  await mkdir(new URL('.', file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 1)}\n`);
  if (plot !== undefined) await writeFile(repositoryFile(`docs/images/${name}.svg`), plot);
  await writeFile(repositoryFile(path), withTable(await readDocument(path), name, markdown, path));
}

/** A document, for the test that holds its tables to their files. */
export const readDocument = (path = PERFORMANCE): Promise<string> => readFile(repositoryFile(path), 'utf8');
