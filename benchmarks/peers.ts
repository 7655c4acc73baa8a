/**
 * `npm run bench:peers`: every mixer beside its peers on the same machine: PyTorch tuned (allocator, AdamW in one kernel), compiled, as it
 * comes, with logits at the labelled positions or everywhere as the field's benchmark has it; TensorFlow.js as npm installs it; ours.
 * A training step, its forward pass, a prefill, a token. Who is missing is named with the reason.
 *
 * The same parameters and examples: loss and gradient norm, or logits, must agree with ours. Contenders are processes that
 * take turns; a ratio is of medians within a round, its interval a bootstrap over rounds and the times in them. Ours and stock make their
 * examples in the step, PyTorch has read them before. Of the forms that a mixer has in PyTorch the fastest is timed.
 *
 * Options: `--mixers cat,attention` (or `all`), `--kinds step`, `--vocabs 8192`, `--lengths 64`, `--widths 64`, `--threads 1,2`, `--batch n`,
 * `--field fastest` (`all`: everyone), `--without compiled,stock` (whose names hold one of these), `--rounds 5`, `--seconds 0.5` (a round's), `--python python3` (one that has torch), `--out <directory>`
 * (default reports/peers: peers.json, peers.md). `--suite`: the cells of the tables in docs/performance.md, less those that the output has
 * already; `--minutes 25`: begins no cell later; `--fresh`: all again. `--write`: puts the tables into the document, alone those of
 * what the output has.
 */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { useEngine } from '@mixerzoo/core';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import { writeDocsTable } from './docs-table.js';
import { type Cell, cellKey, createCell, type Kind, PEER_MIXERS, suiteCells } from './peers/cases.js';
import { contenders, createProcesses } from './peers/contenders.js';
import { serveContender } from './peers/node-work.js';
import { type PeerResults, peersMarkdown } from './peers/table.js';
import { type CellResult, timeCell } from './peers/timing.js';

const OPTIONS = {
  contender: { type: 'string' },
  mixers: { type: 'string', default: 'cat,attention' },
  kinds: { type: 'string', default: 'step' },
  vocabs: { type: 'string', default: '8192' },
  lengths: { type: 'string', default: '64' },
  widths: { type: 'string', default: '64' },
  threads: { type: 'string', default: '1,2' },
  batch: { type: 'string' },
  field: { type: 'string', default: 'fastest' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '0.5' },
  without: { type: 'string' },
  python: { type: 'string', default: 'python3' },
  out: { type: 'string', default: 'reports/peers' },
  suite: { type: 'boolean', default: false },
  minutes: { type: 'string', default: '25' },
  fresh: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
} as const;
type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function askedCells(values: Options): Cell[] {
  const numbers = (text: string) => text.split(',').map(Number);
  const mixers = values.mixers === 'all' ? Object.keys(PEER_MIXERS) : values.mixers.split(',');
  return mixers.flatMap((mixer) =>
    values.kinds.split(',').flatMap((kind) =>
      numbers(values.vocabs).flatMap((vocabSize) =>
        numbers(values.lengths).flatMap((seqLen) =>
          numbers(values.widths).flatMap((dModel) =>
            numbers(values.threads).map((threads) => {
              const sizes = { seqLen, dModel, vocabSize, ...(values.batch && { batchSize: Number(values.batch) }) };
              return createCell(mixer, kind as Kind, sizes, threads, values.field as Cell['field']);
            }),
          ),
        ),
      ),
    ),
  );
}

async function describe(values: Options): Promise<string> {
  const { cpu, platform } = await describeMachine();
  return (
    `One layer on MQAR, k = L / 4. ${cpu.model}, ${cpu.cores} cores, ${platform}, Node ${process.versions.node}. ` +
    `${values.rounds} rounds of ${values.seconds} s, contenders in turn; ratios with 95 % bootstrap intervals. Command: npm run bench:peers${values.suite ? ' -- --suite' : ''}.`
  );
}

/** The results of an earlier call, if there are any. */
async function earlier(file: string): Promise<PeerResults | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as PeerResults);
}

async function save(out: string, results: PeerResults): Promise<void> {
  const file = join(out, 'peers.json');
  await writeFile(`${file}.part`, `${JSON.stringify(results, null, 1)}\n`);
  await rename(`${file}.part`, file);
  await writeFile(join(out, 'peers.md'), `# Peers\n\n${peersMarkdown(results)}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.contender) {
    await serveContender(values.contender);
    return new Promise(() => {});
  }
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  const file = join(out, 'peers.json');
  const before = await earlier(file);
  if (values.write && !values.suite) {
    if (!before)
      throw new Error(`bench:peers: expected results in ${file}, got none. Run npm run bench:peers -- --suite first.`);
    await writeDocsTable('peers', before, peersMarkdown(before, '####'));
    return;
  }
  const header = await describe(values);
  const cells = values.suite ? suiteCells() : askedCells(values);
  const found = new Map<string, CellResult>();
  if (values.suite && !values.fresh) for (const result of before?.cells ?? []) found.set(cellKey(result), result);

  // Kept in the order of the suite, whichever call has measured them.
  const results = (): PeerResults => ({ header, cells: cells.flatMap((cell) => found.get(cellKey(cell)) ?? []) });
  const scratch = await mkdtemp(join(tmpdir(), 'mixerzoo-peers-'));
  const processes = createProcesses();
  const until = performance.now() + 60_000 * Number(values.minutes);
  const without = values.without?.split(',') ?? [];
  const everyone = contenders(values.python).filter(({ name }) => !without.some((part) => name.includes(part)));
  const left = cells.filter((cell) => !found.has(cellKey(cell)));
  await useEngine('wasm');
  for (const [index, cell] of left.entries()) {
    if (values.suite && performance.now() > until) {
      console.log(`bench:peers: ${left.length - index} of ${cells.length} cells are left. The same command goes on.`);
      break;
    }
    const result = await timeCell(cell, everyone, {
      processes,
      file: join(scratch, 'case.safetensors'),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
    });
    processes.stop();
    found.set(cellKey(cell), result);
    const said = result.entries.map(({ name, milliseconds }) => `${name} ${milliseconds} ms`);
    console.log(`${cellKey(cell)}: ${said.join(', ')}`);
    for (const { name, reason } of result.missing) console.log(`  without ${name}: ${reason}`);
    await save(out, results());
  }
  await rm(scratch, { recursive: true });
  await save(out, results());
  if (values.write) await writeDocsTable('peers', results(), peersMarkdown(results(), '####'));
  console.log(`\n${peersMarkdown(results())}\nWritten to ${out}.`);
}

await main();
process.exit(0);
