/** docs/reproducing-the-paper.md says of the paper's claims what the figures in docs/figures say, and these are what the command wrote. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withTable } from '../../../../benchmarks/docs-table.js';
import {
  FIGURES_DIRECTORY,
  FIGURES_TABLE,
  figuresMarkdown,
  keptFigures,
} from '../../../../benchmarks/figures-table.js';
import { repositoryFile } from '../../../../benchmarks/repository.js';
import { figures } from '../figures/definitions.js';

const kept = await keptFigures();
const read = (path: string) => readFile(repositoryFile(path), 'utf8');

describe('docs/figures', () => {
  it('are in the table of docs/reproducing-the-paper.md', async () => {
    const document = await read(FIGURES_TABLE.path);
    expect(document).toBe(withTable(document, FIGURES_TABLE.name, figuresMarkdown(kept)));
  });

  it.for(kept.map(({ figure, scale }) => `${figure}-${scale}`))(
    '%s says all of its claims, and every point',
    async (name) => {
      const { figure, claims } = kept.find((one) => `${one.figure}-${one.scale}` === name)!;
      const definition = figures.find(({ id }) => id === figure);
      expect(claims.map(({ claim }) => claim)).toEqual(definition!.claims.map(({ text }) => text));
      const [document, csv] = await Promise.all(
        ['md', 'csv'].map((suffix) => read(`${FIGURES_DIRECTORY}${name}.${suffix}`)),
      );
      for (const { claim, status } of claims) expect(document).toContain(` ${status}: ${claim}`);
      const [head, ...lines] = csv!.trim().split('\n');
      const runs = head!.split(',').indexOf('runs');
      for (const line of lines) expect(Number(line.replace(/"[^"]*"/g, '').split(',')[runs])).toBeGreaterThan(0);
    },
  );
});
