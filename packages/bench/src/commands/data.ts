/** `mixerzoo data`: text files to token shards, and what such data hold. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import type { CorpusName, DataIndex, Format, PrepareOptions, PrepareProgress } from '@mixerzoo/text';
import { createLogUpdate } from 'log-update';
import { formatSeconds } from '../report/format.js';
import { exclusively } from '../runs/lease.js';
import { print, printJson, visible } from '../terminal.js';
import { flagOf } from './flags.js';

type Text = typeof import('@mixerzoo/text');

export interface DataFlags {
  readonly tokenizer?: readonly string[];
  readonly out?: readonly string[];
  readonly corpus?: readonly string[];
  readonly format?: readonly string[];
  readonly field?: readonly string[];
  readonly separator?: readonly string[];
  readonly validation?: readonly string[];
  readonly test?: readonly string[];
  readonly shardTokens?: readonly string[];
  readonly endOfText?: readonly string[];
  readonly verify?: boolean;
  readonly json?: boolean;
}

const ACTIONS = ['prepare', 'info'];

/** The flags of each use of the command. */
const TAKEN = {
  'prepare <files>': [
    'out',
    'tokenizer',
    'endOfText',
    'format',
    'field',
    'separator',
    'validation',
    'test',
    'shardTokens',
    'json',
  ],
  'prepare --corpus': ['out', 'tokenizer', 'endOfText', 'corpus', 'json'],
  info: ['verify', 'json'],
} as const satisfies Record<string, readonly (keyof DataFlags)[]>;

/** @returns the exit code. @throws InvalidConfigError, UnknownNameError */
export async function data(action: string, paths: readonly string[], flags: DataFlags): Promise<number> {
  if (!ACTIONS.includes(action)) throw new UnknownNameError('action of data', action, ACTIONS);
  assertTaken(action === 'info' ? action : flags.corpus ? 'prepare --corpus' : 'prepare <files>', flags);
  const text = await import('@mixerzoo/text');
  return action === 'prepare' ? prepare(text, paths, flags) : info(text, paths, flags);
}

/** @throws InvalidConfigError for a flag that would do nothing. */
function assertTaken(use: keyof typeof TAKEN, flags: DataFlags): void {
  const taken: readonly string[] = TAKEN[use];
  const all = Object.values(TAKEN).flat();
  const idle = all.find((name) => flags[name] !== undefined && !taken.includes(name));
  if (idle === undefined) return;
  throw new InvalidConfigError(
    `${flagOf(idle)}: expected it where it does something, got it for 'data ${use}', which takes ${taken.map(flagOf).join(', ')}. Leave it out.`,
  );
}

async function prepare(text: Text, files: readonly string[], flags: DataFlags): Promise<number> {
  const corpus = flags.corpus?.at(-1);
  if ((corpus === undefined) === (files.length === 0)) {
    throw new InvalidConfigError('mixerzoo data prepare: expected files, or --corpus, got neither or both.');
  }
  const given = flags.out?.at(-1);
  if (given === undefined) throw new InvalidConfigError('mixerzoo data prepare: expected --out <directory>, got none.');
  const out = resolve(given);
  const start = performance.now();
  const index =
    corpus === undefined
      ? await prepareFiles(text, parseOptions(text, files, flags, out))
      : prepareCorpus(text, corpus, flags, out);
  if (flags.json) printJson({ directory: out, ...index });
  else {
    print(describe(out, index));
    const peak = process.resourceUsage().maxRSS / 1_024;
    print(`Prepared in ${formatSeconds((performance.now() - start) / 1_000)}, peak memory ${Math.round(peak)} MB.`);
  }
  return 0;
}

async function prepareFiles(text: Text, options: PrepareOptions): Promise<DataIndex> {
  const work = text.workOf(options.out);
  for (;;) {
    mkdirSync(work, { recursive: true });
    try {
      return await exclusively([work], () => text.prepareData(options));
    } catch (error) {
      // Whom it waited for is done, and has taken the place away.
      const { code, path } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' || !path?.startsWith(join(work, '.lock'))) throw error;
    } finally {
      text.removeWork(options.out);
    }
  }
}

function prepareCorpus(text: Text, name: string, flags: DataFlags, out: string): DataIndex {
  const known: readonly string[] = text.CORPORA;
  if (!known.includes(name)) throw new UnknownNameError('corpus', name, known);
  const choice = tokenizerOf(flags);
  const tokenizer = isMade(choice) ? choice : readTokenizer(text, choice, flags);
  text.prepareCorpus(name as CorpusName, tokenizer, out);
  return text.openDataSet(out).index;
}

function parseOptions(text: Text, files: readonly string[], flags: DataFlags, out: string): PrepareOptions {
  const format = flags.format?.at(-1);
  if (format !== undefined && !text.FORMATS.includes(format as Format)) {
    throw new UnknownNameError('format', format, text.FORMATS);
  }
  const separator = flags.separator?.at(-1);
  if (separator !== undefined && separator !== 'blank-line') {
    throw new UnknownNameError('separator', separator, ['blank-line']);
  }
  const choice = tokenizerOf(flags);
  const trained = /^bpe:(\d+)$/.exec(choice)?.[1];
  return {
    files,
    out,
    format: format as Format | undefined,
    field: flags.field?.at(-1),
    separator,
    tokenizer: trained === undefined ? readTokenizer(text, choice, flags) : { trainVocabSize: Number(trained) },
    validation: parseHeldOut(flags.validation),
    test: parseHeldOut(flags.test),
    shardTokens: flags.shardTokens === undefined ? undefined : Number(flags.shardTokens.at(-1)),
    onProgress: showProgress(),
  };
}

/** Whether a tokenizer is made here: bytes, or byte pairs trained on the text. */
const isMade = (choice: string): boolean => /^(bytes|bpe:\d+)$/.test(choice);

function tokenizerOf({ tokenizer, endOfText }: DataFlags): string {
  const choice = tokenizer?.at(-1) ?? 'bytes';
  if (endOfText === undefined || !isMade(choice)) return choice;
  throw new InvalidConfigError(
    `--end-of-text: expected it beside a tokenizer.json, got it beside '${choice}', whose texts end with <|endoftext|>. Leave it out.`,
  );
}

/** A share of the documents, or files. */
function parseHeldOut(values: readonly string[] | undefined): number | readonly string[] | undefined {
  const share = values?.length === 1 ? Number(values[0]) : Number.NaN;
  return Number.isNaN(share) ? values : share;
}

function readTokenizer(text: Text, choice: string, flags: DataFlags) {
  if (choice === 'bytes') return text.byteTokenizer();
  const path = resolve(choice);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new InvalidConfigError(
      `--tokenizer: expected bytes, bpe:<vocabulary> or a tokenizer.json, got '${choice}' (${(error as Error).message}).`,
      { cause: error },
    );
  }
  return text.parseTokenizer(json, { endOfText: flags.endOfText?.at(-1) });
}

/** A line that is renewed on a terminal; elsewhere a line every ten seconds. */
function showProgress(): (progress: PrepareProgress) => void {
  const log = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  const interval = log ? 200 : 10_000;
  let shown = performance.now();
  let since = { phase: '', at: shown, textBytes: 0 };
  return (progress) => {
    const now = performance.now();
    if (progress.phase !== since.phase) since = { phase: progress.phase, at: now, textBytes: progress.textBytes };
    if (now - shown < interval) return;
    shown = now;
    const { phase, textBytes, totalBytes, documents, tokens } = progress;
    const rate = (textBytes - since.textBytes) / 1e3 / (now - since.at);
    const share = totalBytes > 0 ? ` of ${formatMegabytes(totalBytes)}` : '';
    const counts = phase === 'encode' ? `, ${documents} documents, ${tokens} tokens` : '';
    const line = `${phase}: ${formatMegabytes(textBytes)}${share}${counts}, ${rate.toFixed(1)} MB/s`;
    if (log) log(visible(line));
    else print(line, process.stderr);
  };
}

function info(text: Text, paths: readonly string[], flags: DataFlags): number {
  const [directory, ...more] = paths;
  if (directory === undefined || more.length > 0) {
    throw new InvalidConfigError(`mixerzoo data info: expected one directory, got ${paths.length}.`);
  }
  const set = text.openDataSet(resolve(directory));
  if (flags.verify) set.verify();
  if (flags.json) printJson({ directory: set.directory, ...set.index });
  else {
    print(describe(set.directory, set.index));
    if (flags.verify) print('Every shard has its hash, and only ids of the vocabulary.');
  }
  return 0;
}

function describe(directory: string, { tokenizer, splits, sources, hash }: DataIndex): string {
  const empty = sources.reduce((sum, source) => sum + source.emptyDocuments, 0);
  return [
    `${directory}: ${tokenizer.name}, vocabulary ${tokenizer.vocabSize}, hash ${hash.slice(0, 16)}`,
    ...Object.entries(splits).map(
      ([name, { documents, tokens, textBytes, shards }]) =>
        `  ${name.padEnd(10)} ${documents} documents, ${tokens} tokens, ${formatMegabytes(textBytes)} of text, ${shards.length} ${shards.length === 1 ? 'file' : 'files'}`,
    ),
    ...(empty > 0 ? [`  ${empty} empty documents left out`] : []),
  ].join('\n');
}

const formatMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
