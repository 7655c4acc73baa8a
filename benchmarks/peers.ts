/**
 * `npm run bench:peers`: the same training step on what of its peers is installed: PyTorch as it comes, with its allocator tuned and
 * AdamW in one kernel, compiled, each with logits at the labelled positions, and with logits everywhere as the
 * field's benchmark has it; TensorFlow.js as npm installs it; ours. Who is missing is named with the reason.
 *
 * The same parameters and examples: the first loss must agree. Contenders are processes that take turns, some steps
 * each; a ratio is of medians within a round, its interval a 95 % one of the median over rounds (by order, whatever the
 * distribution). Ours and stock make their examples in the step, PyTorch has read them before.
 *
 * Options: `--mixers cat,attention`, `--vocabs 8192,512`, `--lengths 64`, `--threads 1,2`, `--width 64`, `--batch 64`, `--steps 5`
 * (a round's), `--rounds 11`, `--python python3` (one that has torch), `--out <directory>` (default reports/peers: peers.json, peers.md).
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { useEngine } from '@mixerzoo/core';
import { median } from 'simple-statistics';
import { describeMachine } from '../packages/bench/src/runs/environment.js';
import {
  type Contender,
  type Entrant,
  type NodeContender,
  nodeEntrant,
  type PeerCase,
  serveContender,
  torchEntrant,
  writeStep,
} from './peers/contenders.js';

/** Without it PyTorch returns the memory of large tensors to the system and faults it in again, every step. */
const TUNED_ALLOCATOR = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '17179869184' };
/** Relative; all compute in float32, in different orders. */
const LOSS_TOLERANCE = 1e-4;
/** Whom the others are compared with. */
const OURS = 'mixerzoo, wasm';

/** The optional addon of the wasm engine. */
const NATIVE = '@mixerzoo/native';

/** A contender in a setting. */
interface Row {
  readonly mixer: string;
  readonly vocabSize: number;
  readonly seqLen: number;
  readonly threads: number;
  readonly name: string;
  /** Milliseconds a step: the median over rounds of a round's median. */
  readonly milliseconds: number;
  /** Times as long as a step of ours, and the interval. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number };
  readonly firstLoss: number;
}

interface Missing {
  readonly name: string;
  readonly reason: string;
}

function entrants(python: string, directory: string): Entrant[] {
  const torch = (name: string, options: { logits?: 'all'; compile?: true; tuned?: true }) =>
    torchEntrant(`PyTorch, ${name}`, {
      python,
      directory,
      logits: options.logits ?? 'query',
      compile: options.compile ?? false,
      fused: options.tuned ?? false,
      ...(options.tuned && { env: TUNED_ALLOCATOR }),
    });
  return [
    nodeEntrant(OURS, 'wasm', { env: { MIXERZOO_NATIVE: '0' } }),
    ...(hasNative() ? [nodeEntrant('mixerzoo, wasm with the native addon', 'wasm')] : []),
    nodeEntrant('mixerzoo, tensorflow', 'tensorflow'),
    torch('tuned', { tuned: true }),
    torch('tuned and compiled', { tuned: true, compile: true }),
    torch('tuned, logits everywhere', { tuned: true, logits: 'all' }),
    torch('as it comes', {}),
    torch('as it comes, logits everywhere', { logits: 'all' }),
    nodeEntrant('TensorFlow.js, wasm as npm installs it', 'stock', { steps: 1 }),
  ];
}

function hasNative(): boolean {
  try {
    return import.meta.resolve(NATIVE) !== '';
  } catch {
    return false;
  }
}

/** Times the contenders that start, in turn. */
async function compete(
  one: PeerCase,
  threads: number,
  rounds: number,
  all: readonly Entrant[],
): Promise<{ rows: Row[]; missing: Missing[] }> {
  const missing: Missing[] = [];
  const times = new Map<Contender, number[]>();
  const firstLosses = new Map<Contender, number>();
  const fail = (name: string, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    missing.push({ name, reason });
    console.error(`bench:peers: without ${name}: ${reason}`);
  };
  for (const entrant of all) {
    try {
      const contender = await entrant.start(one, threads);
      const { losses } = await contender.round(); // to warm up
      times.set(contender, []);
      firstLosses.set(contender, losses[0] as number);
    } catch (error) {
      fail(entrant.name, error);
    }
  }
  const contenders = [...times.keys()];
  const [ours] = contenders;
  if (ours?.name !== OURS) throw new Error(`bench:peers: expected '${OURS}' to start, got the reason above.`);
  for (const contender of contenders) {
    const [loss, expected] = [firstLosses.get(contender) as number, firstLosses.get(ours) as number];
    if (Math.abs(loss - expected) <= LOSS_TOLERANCE * expected) continue;
    fail(contender.name, new Error(`expected the first loss ${expected}, got ${loss}: it computes something else.`));
    contender.stop();
    times.delete(contender);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [contender, medians] of times) medians.push(median([...(await contender.round()).times]));
  }
  const reference = times.get(ours) as number[];
  const rows = [...times].map(([contender, medians]): Row => {
    contender.stop();
    const { mixer, vocabSize, seqLen } = one;
    const ratio = medianInterval(medians.map((time, round) => time / (reference[round] as number)));
    const firstLoss = firstLosses.get(contender) as number;
    return { mixer, vocabSize, seqLen, threads, name: contender.name, milliseconds: median(medians), ratio, firstLoss };
  });
  return { rows, missing };
}

/** The median and its 95 % interval: the outermost order statistics that as many fair coins would leave with 95 %. */
function medianInterval(values: readonly number[]): Row['ratio'] {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  let below = 0; // P(at most k of n coins show heads)
  let term = 0.5 ** n;
  let k = 0;
  for (; below + term <= 0.025; k += 1) {
    below += term;
    term *= (n - k) / (k + 1);
  }
  const first = Math.max(0, k - 1);
  return { median: median(sorted), low: sorted[first] as number, high: sorted[n - 1 - first] as number };
}

function toMarkdown(header: string, rows: readonly Row[], missing: ReadonlyMap<string, string>): string {
  const lines = rows.map(({ mixer, vocabSize, seqLen, threads, name, milliseconds, ratio }) => {
    const times =
      ratio.median === 1 && ratio.low === 1
        ? '1'
        : `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} - ${ratio.high.toFixed(2)})`;
    return `| ${mixer} | ${vocabSize.toLocaleString('en')} | ${seqLen} | ${threads} | ${name} | ${milliseconds.toFixed(1)} | ${times} |`;
  });
  return [
    '# Peers',
    '',
    header,
    '',
    '| mixer | V | L | threads | who | ms a step | times as long as mixerzoo on wasm |',
    '|---|---:|---:|---:|---|---:|---:|',
    ...lines,
    '',
    ...(missing.size > 0 ? ['Missing:', '', ...[...missing].map(([name, reason]) => `- ${name}: ${reason}`), ''] : []),
  ].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      contender: { type: 'string' },
      mixers: { type: 'string', default: 'cat,attention' },
      vocabs: { type: 'string', default: '8192,512' },
      lengths: { type: 'string', default: '64' },
      threads: { type: 'string', default: '1,2' },
      width: { type: 'string', default: '64' },
      batch: { type: 'string', default: '64' },
      steps: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '11' },
      python: { type: 'string', default: 'python3' },
      out: { type: 'string', default: 'reports/peers' },
    },
  });
  if (values.contender) {
    await serveContender(JSON.parse(values.contender) as NodeContender);
    return new Promise(() => {});
  }
  const numbers = (text: string) => text.split(',').map(Number);
  const scratch = await mkdtemp(join(tmpdir(), 'mixerzoo-peers-'));
  await useEngine('wasm');
  const shared = { dModel: Number(values.width), batchSize: Number(values.batch), steps: Number(values.steps) };
  const rows: Row[] = [];
  const missing = new Map<string, string>();
  for (const mixer of values.mixers.split(',')) {
    for (const vocabSize of numbers(values.vocabs)) {
      for (const seqLen of numbers(values.lengths)) {
        const one: PeerCase = { mixer, vocabSize, seqLen, ...shared };
        const directory = join(scratch, `${mixer}-${vocabSize}-${seqLen}`);
        await writeStep(directory, one);
        for (const threads of numbers(values.threads)) {
          const found = await compete(one, threads, Number(values.rounds), entrants(values.python, directory));
          rows.push(...found.rows);
          const where = `${mixer}, V ${vocabSize}, L ${seqLen}, ${threads} threads`;
          for (const { name, reason } of found.missing) missing.set(`${name} (${where})`, reason);
          for (const row of found.rows) console.log(`${where}: ${row.name}: ${row.milliseconds.toFixed(1)} ms`);
        }
      }
    }
  }
  await rm(scratch, { recursive: true });
  const { cpu, platform } = await describeMachine();
  const header =
    `MQAR, k = L / 4, d = ${shared.dModel}, batch ${shared.batchSize}, one layer; forward, backward and update. ${cpu.model}, ${cpu.cores} cores, ${platform}, ` +
    `Node ${process.versions.node}. ${values.rounds} rounds of ${shared.steps} steps, contenders in turn. Command: npm run bench:peers.`;
  const out = resolve(values.out);
  await mkdir(out, { recursive: true });
  await writeFile(
    join(out, 'peers.json'),
    `${JSON.stringify({ header, rows, missing: Object.fromEntries(missing) }, null, 2)}\n`,
  );
  const markdown = toMarkdown(header, rows, missing);
  await writeFile(join(out, 'peers.md'), markdown);
  console.log(`\n${markdown}\nWritten to ${out}.`);
}

await main();
process.exit(0);
