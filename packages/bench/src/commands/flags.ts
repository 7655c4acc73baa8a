/** What the flags of the commands say. An option that takes values has them all, as typed, the last one counting. */
import { availableParallelism } from 'node:os';
import { InvalidConfigError } from '@mixerzoo/core';
import { type ExperimentSource, parseTarget } from '../experiment/experiment-source.js';
import type { Registry } from '../plugins.js';

type Values = readonly string[];

/** Flags that name an experiment. */
export interface SourceFlags {
  readonly config?: Values;
  readonly set?: Values;
  readonly engine?: Values;
  readonly json?: boolean;
}

/** Flags of the commands that train. */
export interface TrainingFlags {
  readonly set?: Values;
  readonly engine?: Values;
  readonly workers?: Values;
  readonly out?: Values;
  readonly maxMinutes?: Values;
  readonly stallMinutes?: Values;
  readonly shard?: Values;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The experiment that an argument and flags name. @throws InvalidConfigError, UnknownNameError */
export async function parseSource(
  target: string | undefined,
  flags: SourceFlags,
  cwd: string,
  registry: Registry,
): Promise<ExperimentSource> {
  const config = flags.config?.at(-1);
  const named = await parseTarget(target ?? config, cwd, registry);
  const over = config === undefined || target === undefined ? {} : await parseTarget(config, cwd, registry);
  if (over.preset !== undefined || (named.file && over.file)) {
    throw new InvalidConfigError(
      `--config: expected a config file on top of a preset, got '${target}' and '${config}'.`,
    );
  }
  return { ...named, ...over, assignments: parseAssignments(flags) };
}

/** `--set` and `--engine` as assignments. */
export function parseAssignments({ set = [], engine }: Pick<SourceFlags, 'set' | 'engine'>): string[] {
  return [...set, ...(engine === undefined ? [] : [`engine=${JSON.stringify(engine.at(-1))}`])];
}

/** Runs at a time; default: the cores. @throws InvalidConfigError */
export function parseWorkers({ workers }: TrainingFlags): number {
  if (workers === undefined) return availableParallelism();
  const count = Number(workers.at(-1));
  if (!Number.isInteger(count) || count < 1) {
    throw new InvalidConfigError(`--workers: expected a whole number from 1, got ${workers.at(-1)}.`);
  }
  return count;
}

/** Minutes a command may take, or a run be without progress; undefined without the flag. @throws InvalidConfigError */
export function parseMinutes(flags: TrainingFlags, name: 'maxMinutes' | 'stallMinutes'): number | undefined {
  const values = flags[name];
  if (values === undefined) return undefined;
  const minutes = Number(values.at(-1));
  if (!(minutes > 0)) {
    const flag = name === 'maxMinutes' ? '--max-minutes' : '--stall-minutes';
    throw new InvalidConfigError(`${flag}: expected a number above 0, got ${values.at(-1)}.`);
  }
  return minutes;
}

/** Names in one flag, by commas, or in several. */
export function parseList(values: Values = []): string[] {
  return values
    .flatMap((value) => value.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** `--max-length` of `maxLength`. */
export const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** A whole number from 1; undefined without the flag. @throws InvalidConfigError */
export function parseCount<K extends string>(
  flags: { readonly [name in K]?: Values | undefined },
  name: K,
): number | undefined {
  const text = flags[name]?.at(-1);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new InvalidConfigError(`${flagOf(name)}: expected a whole number from 1, got ${text}.`);
  }
  return count;
}

/**
 * Any number, or one that fits; undefined without the flag.
 * @param expected what fits, and its words: `a number from 0`.
 * @throws InvalidConfigError
 */
export function parseNumber<K extends string>(
  flags: { readonly [name in K]?: Values | undefined },
  name: K,
  expected: { readonly words: string; fits(value: number): boolean } = { words: 'a number', fits: () => true },
): number | undefined {
  const text = flags[name]?.at(-1);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || !expected.fits(value)) {
    throw new InvalidConfigError(`${flagOf(name)}: expected ${expected.words}, got '${text}'.`);
  }
  return value;
}
