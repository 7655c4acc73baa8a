/** Contenders that take turns at a case, and what their times come to. */
import { createRng } from '@mixerzoo/core';
import { median, quantile } from 'simple-statistics';
import { type Cell, writeCase } from './cases.js';
import type { Contender, createProcesses } from './contenders.js';

/** Relative to the largest of the values; all compute in float32, in different orders. */
const TOLERANCE = 1e-4;
const RESAMPLES = 1000;

/** A number and its 95 % interval. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** A contender in a cell. */
export interface Entry {
  readonly name: string;
  readonly role: Contender['role'];
  /** Milliseconds: the median over rounds of a round's median. */
  readonly milliseconds: number;
  /** How many times as long as ours it takes, where ours takes part. */
  readonly overWasm?: Interval;
  readonly overNative?: Interval;
  /** The form of the mixer that was the fastest of those it has. */
  readonly form?: string;
  readonly check: readonly number[];
}

/** What a cell comes to. */
export interface CellResult extends Cell {
  readonly entries: readonly Entry[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** Times the contenders that can open the case and compute what ours does, in turn. */
export async function timeCell(
  cell: Cell,
  all: readonly Contender[],
  how: {
    readonly processes: ReturnType<typeof createProcesses>;
    readonly file: string;
    readonly rounds: number;
    readonly seconds: number;
  },
): Promise<CellResult> {
  const { one, threads } = cell;
  const { processes, file, rounds, seconds } = how;
  const config = await writeCase(file, one);
  const missing: { name: string; reason: string }[] = [];
  const present: { contender: Contender; form?: string; check: readonly number[]; rounds: (readonly number[])[] }[] =
    [];
  const fail = (name: string, error: unknown) => {
    missing.push({ name, reason: error instanceof Error ? error.message : String(error) });
  };
  let expected: readonly number[] | undefined;
  for (const contender of all) {
    if (cell.field === 'fastest' && !contender.fastest) continue;
    const reason = contender.absence(cell);
    if (reason !== undefined) {
      fail(contender.name, reason);
      continue;
    }
    try {
      const told = { ...one, ...contender.told, file, config };
      const { check = [], form } = await processes.ask(contender, threads, { open: told });
      expected ??= check;
      assertEqual(check, expected);
      present.push({ contender, ...(form !== undefined && { form }), check, rounds: [] });
    } catch (error) {
      fail(contender.name, error);
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const entry of [...present]) {
      try {
        entry.rounds.push((await processes.ask(entry.contender, threads, { seconds })).times ?? []);
      } catch (error) {
        fail(entry.contender.name, error);
        present.splice(present.indexOf(entry), 1);
      }
    }
  }
  const ofRole = (role: Contender['role']) => present.find(({ contender }) => contender.role === role)?.rounds;
  const [wasm, native] = [ofRole('wasm'), ofRole('native')];
  const entries = present.map(
    ({ contender: { name, role }, form, check, rounds }): Entry => ({
      name,
      role,
      milliseconds: rounded(median(rounds.map(middle))),
      ...(wasm && { overWasm: ratioInterval(rounds, wasm) }),
      ...(native && { overNative: ratioInterval(rounds, native) }),
      ...(form !== undefined && { form }),
      check: check.slice(0, 4).map(rounded),
    }),
  );
  return { ...cell, entries, missing };
}

/** @throws if what both give differs. */
export function assertEqual(received: readonly number[], expected: readonly number[]): void {
  // Stock TensorFlow.js knows no norm of gradients: what both give is compared.
  const pairs = expected.slice(0, received.length).map((value, index) => [value, received[index] as number] as const);
  const scale = Math.max(...pairs.map(([value]) => Math.abs(value)));
  const isLoss = expected.length <= 2; // a loss and a norm, each of a size of its own
  const equal = pairs.every(
    ([value, other]) => Math.abs(other - value) <= TOLERANCE * (isLoss ? Math.abs(value) : scale),
  );
  if (equal && pairs.length > 0) return;
  throw new Error(
    `expected what ours computes, [${expected.slice(0, 4).join(', ')}], got [${received.slice(0, 4).join(', ')}]: its time would be that of something else.`,
  );
}

/**
 * The median over rounds of the ratio of medians, and its 95 % bootstrap interval: rounds are drawn again, and the times
 * within each.
 *
 * @param times - milliseconds by round, as many rounds as `others`.
 */
export function ratioInterval(times: readonly (readonly number[])[], others: readonly (readonly number[])[]): Interval {
  if (times === others) return { median: 1, low: 1, high: 1 };
  const rng = createRng(1);
  const again = (values: readonly number[]) => values.map(() => values[rng.integer(values.length)] as number);
  const pairs = times.map((round, index) => [round, others[index] as readonly number[]] as const);
  const ratios = Array.from({ length: RESAMPLES }, () =>
    median(
      pairs.map(() => {
        const [mine, theirs] = pairs[rng.integer(pairs.length)] as (typeof pairs)[number];
        return middle(again(mine)) / middle(again(theirs));
      }),
    ),
  );
  const [low, high] = quantile(ratios, [0.025, 0.975]) as [number, number];
  const whole = median(pairs.map(([mine, theirs]) => middle(mine) / middle(theirs)));
  return { median: rounded(whole), low: rounded(low), high: rounded(high) };
}

const middle = (values: readonly number[]) => median([...values]);
const rounded = (value: number) => Number(value.toPrecision(5));
