/** The check of documents sees what it is for: a document with one fault of each kind, and one without. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'mixerzoo-documents-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function check(text: string) {
  const file = join(directory, 'page.md');
  writeFileSync(file, text);
  const args = ['--conditions=@mixerzoo/source', '--import', 'tsx', 'scripts/check-docs.mjs', file];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: join(import.meta.dirname, '..'),
    encoding: 'utf8',
  });
  return {
    status,
    stdout,
    faults: stderr
      .split(`${file}:`)
      .map((fault) => fault.trim())
      .slice(1),
  };
}

const block = (language: string, code: string, above = '') => `${above}\n\`\`\`${language}\n${code}\n\`\`\`\n`;

it('names every fault, and where it is', () => {
  const { status, faults } = check(
    [
      '# Page\n\n[there](other.md), [below](#part), `mixerzoo run quick --worker 2`, `npm run benchmark`',
      block('', 'no language'),
      block('ts', "import { renamedMixer } from '@mixerzoo/cat';\nrenamedMixer;"),
      block('ts', 'notDeclared();', '<!-- sketch -->'),
      block('sh', 'mixerzoo run quick --dry-runs'),
      block('sh', 'npx mixerzoo figure fig66'),
      block('sh', 'mixerzoo list mixer # of a comment nothing is read'),
      block('sh', 'npm install @mixerzoo/cats && npm run kernel'),
      block('sh', 'npx vitest run --project cats'),
      block('sh', 'mixerzoo theory --claim theorem-4 --set theorem-4.prompt=8'),
      block('yaml', 'extends: quick\nmodels:\n  Mine: { layers: [catt] }'),
    ].join('\n'),
  );
  expect(status).toBe(1);
  const expected = [
    'expected a link to a file, got other.md',
    'expected a link to a heading',
    "unknown option '--worker'",
    "expected a script of package.json, got 'npm run benchmark'",
    "expected a block of ts, js, sh, yaml, json, text, got ''",
    "has no exported member 'renamedMixer'",
    'expected the reason in <!-- sketch: reason -->, got none',
    "unknown option '--dry-runs'",
    'fig66',
    "'mixer'",
    "expected packages of the repository, got '@mixerzoo/cats'",
    "expected a script of package.json, got 'npm run kernel'",
    "expected a project of vitest, got 'cats'",
    "expected a size of a claim, got 'theorem-4.prompt'",
    "'catt'",
  ];
  for (const fault of expected)
    expect(
      faults.filter((each) => each.includes(fault)),
      fault,
    ).toHaveLength(1);
  expect(faults).toHaveLength(expected.length);
});

it('lets whole documents, and sketches with a reason, be', () => {
  const { status, stdout, faults } = check(
    [
      '# Page\n\n[here](#page), `npm run site`',
      block('ts', "import { cat } from '@mixerzoo/cat';\ncat({ dModel: 8 });"),
      block('ts', 'notDeclared();', "<!-- sketch: the reader's own -->"),
      block('yaml', '# mine.yaml\nextends: quick\nmodels:\n  Mine: { layers: [cat] }'),
      block('sh', 'mixerzoo run mine.yaml --dry-run\nmixerzoo eval <run> --tasks wikitext'),
      block('text', 'a drawing'),
    ].join('\n'),
  );
  expect(faults).toEqual([]);
  expect(status).toBe(0);
  expect(stdout).toContain(
    '1 programs, 0 run, 1 configs, 1 commands, 1 commands in prose, 1 texts, 1 sketches, 0 faults',
  );
});
