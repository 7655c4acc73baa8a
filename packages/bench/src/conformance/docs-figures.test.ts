/** Documents say of claims what the figures and studies in docs/figures say, and these are what the command wrote. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withTable } from '../../../../benchmarks/docs-table.js';
import { FIGURE_TABLES, FIGURES_DIRECTORY, keptFigures } from '../../../../benchmarks/figures-table.js';
import { repositoryFile } from '../../../../benchmarks/repository.js';
import { figures } from '../figures/definitions.js';
import { mad } from '../figures/mad.js';
import { escapeMarkdown } from '../report/table.js';
import { studies } from '../studies/index.js';

const kept = await keptFigures();
const read = (path: string) => readFile(repositoryFile(path), 'utf8');

describe('docs/figures', () => {
  it.for(FIGURE_TABLES)('are in the table of $path', async ({ name, path, holds, markdown }) => {
    const document = await read(path);
    const ofTable = kept.filter(holds);
    expect(ofTable.length).toBeGreaterThan(0);
    expect(document).toBe(withTable(document, name, await markdown(ofTable), path));
  });

  it.for(kept.map(({ figure, scale }) => `${figure}-${scale}`))(
    '%s says all of its claims, and every point',
    async (name) => {
      const { figure, claims } = kept.find((one) => `${one.figure}-${one.scale}` === name)!;
      const definition = [...figures, ...studies, mad].find(({ id }) => id === figure);
      expect(claims.map(({ claim }) => claim)).toEqual(definition!.claims.map(({ text }) => text));
      const [document, csv] = await Promise.all(
        ['md', 'csv'].map((suffix) => read(`${FIGURES_DIRECTORY}${name}.${suffix}`)),
      );
      const verdicts = document!.split('\n').map((line) => line.replace(/^- \S+ /, ''));
      for (const { claim, status } of claims) {
        const verdict = `${status}: ${escapeMarkdown(claim)}`;
        expect(verdicts.some((line) => line.startsWith(verdict))).toBe(true);
      }
      const [head, ...lines] = csv!.trim().split('\n');
      const runs = head!.split(',').indexOf('runs');
      for (const line of lines) expect(Number(line.replace(/"[^"]*"/g, '').split(',')[runs])).toBeGreaterThan(0);
    },
  );
});
