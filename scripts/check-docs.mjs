/**
 * `npm run check:docs`: links and code of all documents, from source. Every relative link leads to a file, and to a heading that
 * is there. TypeScript that begins with an import type-checks, configs resolve to runs (`--dry-run`). Code that needs what the
 * reader writes first stands below `<!-- sketch -->`, and is counted as skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const scratch = resolve('node_modules/.cache/mixerzoo-docs');
const documents = spawnSync('git', ['ls-files', '*.md'], { encoding: 'utf8' })
  .stdout.split('\n')
  .filter((file) => file !== '' && !/^(\.changeset|templates)\/|CHANGELOG/.test(file));
const faults = [];
const fault = (where, what) => faults.push(`${where}: ${what}`);

for (const file of documents) checkLinks(file);
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
const blocks = documents.flatMap(blocksOf);
const sketches = blocks.filter(({ sketch }) => sketch).length;
const whole = blocks.filter(({ sketch }) => !sketch);
const programs = whole.filter(({ language, code }) => language === 'ts' && /^(\/\/.*\n)*import /.test(code));
const configs = whole.filter(
  ({ language, code }) => /defineExperiment\(|^(extends|task): /m.test(code) && language !== 'sh',
);
for (const [index, block] of [...programs, ...configs].entries()) {
  block.path = join(scratch, `block-${index + 1}.${block.language === 'ts' ? 'mts' : block.language}`);
  writeFileSync(block.path, block.code);
}
checkTypes(programs);
for (const { where, path } of configs) {
  const args = ['packages/bench/bin/mixerzoo.mjs', '--source', 'run', path, '--dry-run'];
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) fault(where, `expected a config that resolves, got\n${stderr}`);
}
rmSync(scratch, { recursive: true, force: true });
for (const line of faults) console.error(line);
console.log(
  `${documents.length} documents: ${programs.length} programs type-checked, ${configs.length} configs resolved, ${sketches} sketches skipped, ${faults.length} faults`,
);
process.exit(faults.length === 0 ? 0 : 1);

/** Blocks of code with the line they begin at. */
function blocksOf(file) {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(<!-- sketch -->\n\n?)?```(\w+)\n([\s\S]*?)^```/gm)].map((match) => {
    const [whole, sketch, language, code] = match;
    const line = text.slice(0, match.index).split('\n').length + whole.split('```')[0].split('\n').length - 1;
    return { where: `${file}:${line}`, sketch: sketch !== undefined, language, code };
  });
}

/** One run of tsc over all of them, on the packages' sources. */
function checkTypes(programs) {
  const compilerOptions = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
  const config = { extends: resolve('tsconfig.base.json'), compilerOptions, files: programs.map(({ path }) => path) };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(config));
  const { stdout } = spawnSync('npx', ['tsc', '-p', scratch, '--pretty', 'false'], { encoding: 'utf8' });
  for (const line of stdout.split('\n').filter((each) => /error TS\d+/.test(each))) {
    const block = programs.find(({ path }) => line.includes(path.split('/').at(-1)));
    if (block) fault(block.where, line); // the packages' own are for `npm run typecheck`
  }
}

function checkLinks(file) {
  const text = readFileSync(file, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const to = path === '' ? file : join(dirname(file), path);
    if (!existsSync(to)) fault(file, `expected a link to a file, got ${target}`);
    else if (anchor && to.endsWith('.md') && !headingsOf(to).includes(anchor)) {
      fault(file, `expected a link to a heading of ${to}, got #${anchor}`);
    }
  }
}

/** Headings as GitHub makes anchors of them. */
function headingsOf(file) {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}
