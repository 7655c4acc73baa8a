/**
 * `npm run docs:figures -- runs/fig6-quick …`: keeps what `mixerzoo figure` wrote there in docs/figures, and puts the verdicts of all
 * figures kept into docs/reproducing-the-paper.md, those of studies into docs/studies.md, scores into docs/mad.md.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withTable } from './docs-table.js';
import { FIGURE_TABLES, FIGURES_DIRECTORY, type KeptFigure, keptFigures } from './figures-table.js';
import { repositoryFile } from './repository.js';

const kept = fileURLToPath(repositoryFile(FIGURES_DIRECTORY));
await mkdir(kept, { recursive: true });
for (const directory of process.argv.slice(2).map((path) => resolve(path))) {
  const claims = join(directory, 'claims.json');
  const text = await readFile(claims, 'utf8').catch(() => undefined);
  if (text === undefined) {
    console.error(
      `docs:figures: expected a directory that \`mixerzoo figure\` wrote, got ${directory} without claims.json.`,
    );
    process.exit(1);
  }
  const { figure, scale }: KeptFigure = JSON.parse(text);
  const written = await readdir(directory);
  for (const suffix of ['md', 'csv', 'svg']) {
    const file = `${figure}.${suffix}`;
    if (suffix === 'svg' && !written.includes(file)) continue; // a table has no drawing
    await copyFile(join(directory, file), join(kept, `${figure}-${scale}.${suffix}`));
  }
  await copyFile(claims, join(kept, `${figure}-${scale}.json`));
  console.log(`docs/figures/${figure}-${scale}.md, from ${basename(directory)}`);
}
const all = await keptFigures();
for (const { name, path, holds, markdown } of FIGURE_TABLES) {
  const document = repositoryFile(path);
  const table = await markdown(all.filter(holds));
  await writeFile(document, withTable(await readFile(document, 'utf8'), name, table));
}
