import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { apiIndex, apiPackages, apiPage } from './api.js';
import { docstringsOf, toMarkdown } from './docstrings.js';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-docstrings-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('docstrings are found wherever a name is declared', () => {
  writeFileSync(
    join(directory, 'index.ts'),
    "/** The file. */\nimport './x.js';\n/** One. */\nexport const one = 1;\nexport { two as zwei } from './b.js';\nexport * from './c.js';\nexport { tf } from 'elsewhere';\n",
  );
  writeFileSync(join(directory, 'b.ts'), '/** Two. */\nfunction two() {}\nexport { two };\n');
  writeFileSync(join(directory, 'c.ts'), '/** Three. */\nexport interface Three {}\nexport class Bare {}\n');
  const expected = { one: 'One.', zwei: 'Two.', Three: 'Three.' };
  expect(Object.fromEntries(docstringsOf(join(directory, 'index.ts')))).toEqual(expected);
});

it('tags become a list, examples code', () => {
  const comment =
    '*\n * Adds, as {@link sum}.\n * @param a - the first\n * @param b the second\n * @returns both\n * @example add(1, 2)\n ';
  expect(toMarkdown(comment)).toBe(
    'Adds, as `sum`.\n\n- `a`: the first\n- `b`: the second\n- *returns*: both\n\n```ts\nadd(1, 2)\n```',
  );
});

it('every package has a page with each export of each face', () => {
  const packages = apiPackages();
  expect(packages).toContain('cat');
  for (const name of packages) expect(apiPage(name)).toContain(`# API of @mixerzoo/${name}`);
  const core = apiPage('core');
  expect(core).toContain('## @mixerzoo/core/rng');
  expect(core).toMatch(/### foldIn\n\n\w[^`]+\n\n(?:- .+\n+)*```ts\ndeclare function foldIn\(/);
  expect(apiIndex(packages)).toContain('](./core.md): `@mixerzoo/core`, ');
});
