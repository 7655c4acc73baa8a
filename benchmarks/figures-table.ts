/** What documents say of claims: tables of the figures and studies that docs/figures holds. */
import { readdir, readFile } from 'node:fs/promises';
import { studies } from '../packages/bench/src/studies/index.js';
import { repositoryFile } from './repository.js';

const isStudy = ({ figure }: KeptFigure) => studies.some(({ id }) => id === figure);
const isScores = ({ figure }: KeptFigure) => figure === 'mad';

/** Where the verdicts of figures stand, those of studies, and scores. */
export const FIGURE_TABLES = [
  {
    name: 'figures',
    path: 'docs/reproducing-the-paper.md',
    holds: (kept: KeptFigure) => !isStudy(kept) && !isScores(kept),
    markdown: figuresMarkdown,
  },
  { name: 'studies', path: 'docs/studies.md', holds: isStudy, markdown: figuresMarkdown },
  { name: 'mad', path: 'docs/mad.md', holds: isScores, markdown: scoresMarkdown },
] as const;

/** Where what `mixerzoo figure` wrote is kept: `fig6-quick.md`, `.csv`, `.svg`, and the verdicts as `fig6-quick.json`. */
export const FIGURES_DIRECTORY = 'docs/figures/';

/** `claims.json` of a figure, as kept. */
export interface KeptFigure {
  readonly figure: string;
  readonly scale: string;
  readonly claims: readonly { readonly claim: string; readonly source: string; readonly status: string }[];
}

/** All figures kept, by name. */
export async function keptFigures(): Promise<KeptFigure[]> {
  const all = await readdir(repositoryFile(FIGURES_DIRECTORY)).catch(() => []); // none kept, no directory
  const files = all.filter((file) => file.endsWith('.json'));
  const names = files.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return Promise.all(
    names.map(async (file) => JSON.parse(await readFile(repositoryFile(`${FIGURES_DIRECTORY}${file}`), 'utf8'))),
  );
}

/** The first table of each figure's numbers, under its scale. */
export async function scoresMarkdown(figures: readonly KeptFigure[]): Promise<string> {
  const tables = figures.map(async ({ figure, scale }) => {
    const numbers = await readFile(repositoryFile(`${FIGURES_DIRECTORY}${figure}-${scale}.md`), 'utf8');
    const [table] = /(?:^\|.*\n)+/m.exec(numbers) ?? [];
    if (table === undefined)
      throw new Error(`${figure}-${scale}.md: expected a table, got none. Run docs:figures again.`);
    return `\`${scale}\` ([every setting](figures/${figure}-${scale}.md)):\n\n${table}`;
  });
  return (await Promise.all(tables)).join('\n');
}

/** A line for each claim, with a link to the figure's numbers. */
export function figuresMarkdown(figures: readonly KeptFigure[]): string {
  const lines = figures.flatMap(({ figure, scale, claims }) =>
    claims.map(({ claim, source, status }, index) => {
      const link = index === 0 ? `[${figure}](figures/${figure}-${scale}.md)` : '';
      return `| ${link} | ${index === 0 ? scale : ''} | ${claim} | ${source} | **${status}** |`;
    }),
  );
  return ['| figure | scale | claim | source | here |', '|---|---|---|---|---|', ...lines].join('\n');
}
