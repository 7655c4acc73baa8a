/**
 * `npm run check:docs [-- <files>]`: links and code of all documents, from source.
 *
 * - Links: every relative one leads to a file, and to a heading that is there.
 * - `ts`, `js`: type-checked on the packages' sources; those of READMEs that print are run.
 * - `sh`: commands are taken by the parser of `mixerzoo`, what they name is there, what trains is resolved by `--dry-run`; npm's
 *   scripts, packages, programs and tests exist. Commands in prose are parsed.
 * - `yaml`, `json`, and `defineExperiment` in TypeScript: an experiment that resolves to runs.
 * - `text`: drawings and output, unchecked.
 *
 * Code that needs what the reader has or writes first stands below `<!-- sketch: what it needs -->`, and is counted. Of a sketch in
 * shell the flags are held to the parser all the same.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { blocksOf, documentsOf, LANGUAGES, spansOf, UNCHECKED } from './docs/blocks.mjs';
import { shellFaults, spanFault } from './docs/commands.mjs';
import { linkFaults } from './docs/links.mjs';
import { mixerzooFault } from './docs/mixerzoo.mjs';
import { runFault, runsAlone, typeFaults, writeProgram } from './docs/programs.mjs';

const scratch = resolve(`node_modules/.cache/mixerzoo-docs-${process.pid}`);
const named = process.argv.slice(2);
const documents = named.length > 0 ? named : documentsOf();
const faults = documents.flatMap(linkFaults);
const counts = { programs: 0, run: 0, configs: 0, commands: 0, 'commands in prose': 0, texts: 0, sketches: 0 };
rmSync(scratch, { recursive: true, force: true });

const programs = [];
for (const [number, document] of documents.entries()) {
  const cwd = join(scratch, `document-${number}`);
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }\n');
  await checkDocument(document, { cwd, made: [] });
}
faults.push(...(await typeFaults(programs, scratch)));
for (const program of programs.filter(runsAlone)) {
  counts.run += 1;
  const fault = await runFault(program);
  if (fault) faults.push(fault);
}
rmSync(scratch, { recursive: true, force: true });
for (const fault of faults) console.error(fault);
const counted = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
console.log(`${documents.length} documents: ${counted.join(', ')}, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);

/** Blocks of a document, in its own directory: what a config is named, commands find. Programs are left for one run of tsc. */
async function checkDocument(document, surroundings) {
  const blocks = blocksOf(document);
  for (const block of blocks) {
    const { where, language, code, sketch } = block;
    if (sketch === '') faults.push(`${where}: expected the reason in <!-- sketch: reason -->, got none`);
    if (sketch && UNCHECKED.includes(language)) counts.sketches += 1;
    else if (!LANGUAGES.includes(language)) {
      faults.push(
        `${where}: expected a block of ${LANGUAGES.join(', ')}, got '${language}'. One of ${UNCHECKED.join(' or ')} says why it is not checked: <!-- sketch: reason -->`,
      );
    } else if (language === 'text') counts.texts += 1;
    else if (sketch !== undefined) counts.sketches += 1;
    else if (['ts', 'js'].includes(language)) {
      counts.programs += 1;
      writeProgram(block, surroundings.cwd, programs.push(block));
    }
    if (['yaml', 'json'].includes(language) || /defineExperiment\(\{/.test(code))
      await checkConfig(block, surroundings);
  }
  for (const block of blocks.filter(({ language }) => language === 'sh')) {
    counts.commands += 1;
    faults.push(...(await shellFaults(block, surroundings)));
  }
  for (const span of spansOf(document)) {
    const fault = await spanFault(span, surroundings);
    if (fault) faults.push(fault);
    if (fault !== null) counts['commands in prose'] += 1;
  }
}

/** A config resolves to runs, and is there by its name for the commands of the document. */
async function checkConfig({ where, language, code, sketch }, { cwd }) {
  if (sketch !== undefined) return;
  counts.configs += 1;
  const [, name = `config-${counts.configs}.${language}`] = /^(?:#|\/\/) ([\w.-]+\.(?:ts|yaml))$/m.exec(code) ?? [];
  writeFileSync(join(cwd, name), code);
  const fault = await mixerzooFault(['run', name, '--dry-run'], { cwd });
  if (fault) faults.push(`${where}: expected a config that resolves, got\n${fault}`);
}
