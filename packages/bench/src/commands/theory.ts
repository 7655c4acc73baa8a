/** `mixerzoo theory`: the paper's claims as experiments, each quantity beside its bound, and a page of them. */
import { join, resolve } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import { assertSeed } from '@mixerzoo/core/rng';
import type { Claim, ClaimResult } from '@mixerzoo/theory';
import { assign } from '../experiment/assign.js';
import { formatSeconds } from '../report/format.js';
import { assertOwnReport } from '../report/report-owner.js';
import { writeIndex } from '../report/write-index.js';
import { exclusively } from '../runs/lease.js';
import { assertWritable } from '../runs/run-experiment.js';
import { print, printJson } from '../terminal.js';
import { countHolding, formatResult } from '../theory/words.js';
import { THEORY_SOURCE, writeTheory } from '../theory/write-theory.js';

interface TheoryFlags {
  readonly claim?: readonly string[];
  readonly seed?: readonly string[];
  readonly set?: readonly string[];
  readonly out?: readonly string[];
  readonly json?: boolean;
}

/** @returns the exit code: 1 if a claim does not hold. */
export async function theory(flags: TheoryFlags): Promise<number> {
  const { claims, runClaim } = await import('@mixerzoo/theory');
  const chosen = chooseClaims(claims, flags.claim);
  const seed = parseSeed(flags.seed?.at(-1));
  const sizes = parseSizes(chosen, claims, flags.set);
  const out = resolve(process.cwd(), flags.out?.at(-1) ?? 'runs');
  const directory = join(out, 'theory');
  await assertOwnReport(directory, { experiments: [], source: THEORY_SOURCE });
  await assertWritable(directory);

  const start = performance.now();
  const results: ClaimResult[] = [];
  for (const claim of chosen) {
    const result = await runClaim(claim, { seed, sizes: sizes[claim.id] ?? {} });
    results.push(result);
    if (!flags.json) print(formatResult(result));
  }
  const paths = await exclusively([directory], () => writeTheory(results, seed, directory));
  const index = await exclusively([out], () => writeIndex(out));
  if (flags.json) printJson({ seed, claims: results, ...paths, index });
  else {
    print(`\n${countHolding(results)}, in ${formatSeconds((performance.now() - start) / 1000)}.`);
    for (const path of Object.values(paths)) print(path);
  }
  return results.every(({ holds }) => holds) ? 0 : 1;
}

/** The claims that are named, in their own order; without names all. @throws UnknownNameError */
function chooseClaims(claims: readonly Claim[], names?: readonly string[]): readonly Claim[] {
  const known = claims.map(({ id }) => id);
  for (const name of names ?? []) assertKnown(name, known);
  return claims.filter(({ id }) => names?.includes(id) ?? true);
}

/** @throws InvalidConfigError */
function parseSeed(text = '0'): number {
  const seed = Number(text);
  assertSeed('--seed', seed);
  return seed;
}

/** `--set theorem-1.seqLen=128`: sizes by claim. @throws InvalidConfigError, UnknownNameError */
function parseSizes(
  chosen: readonly Claim[],
  claims: readonly Claim[],
  assignments: readonly string[] = [],
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const sizes = assignments.reduce(assign, Object.fromEntries(claims.map(({ id }) => [id, {}])));
  for (const [name, of] of Object.entries(sizes) as [string, object][]) {
    assertKnown(
      name,
      claims.map(({ id }) => id),
    );
    if (Object.keys(of).length === 0 || chosen.some(({ id }) => id === name)) continue;
    throw new InvalidConfigError(
      `--set ${name}: expected sizes of a claim that is run, got one that --claim leaves out.`,
    );
  }
  return sizes as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function assertKnown(name: string, known: readonly string[]): void {
  if (!known.includes(name)) throw new UnknownNameError('claim', name, known);
}
