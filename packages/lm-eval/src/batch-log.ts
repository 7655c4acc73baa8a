/**
 * What an evaluation has so far, a line a batch: a process killed at any moment loses the batch it was in. Batches depend on what is
 * asked alone, so that one taken up again ends with the numbers it would have had.
 */
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CheckpointError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import type { Likelihood } from './task.js';

const line = z.strictObject({ batch: z.int().min(0), answers: z.array(z.tuple([z.number(), z.boolean()])) });

export interface BatchLog {
  /** Answers of the batches that are done, the first on. */
  readonly done: readonly (readonly Likelihood[])[];
  add(answers: readonly Likelihood[]): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Opens the log of an evaluation, and drops what a killed process wrote of a batch without its end.
 * @param path - a file for this evaluation alone. @throws CheckpointError if it cannot be read or written.
 */
export async function openBatchLog(path: string): Promise<BatchLog> {
  const done: Likelihood[][] = [];
  await guarded(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    const kept: string[] = [];
    for (const text of (await readIfThere(path)).split('\n')) {
      const answers = parseLine(text, done.length);
      if (!answers) break;
      done.push(answers);
      kept.push(`${text}\n`);
    }
    await writeFile(path, kept.join(''));
  });
  let count = done.length;
  return {
    done,
    async add(answers) {
      const record = { batch: count, answers: answers.map(({ logLikelihood, greedy }) => [logLikelihood, greedy]) };
      await guarded(path, () => appendFile(path, `${JSON.stringify(record)}\n`));
      count += 1;
    },
    remove: () => guarded(path, () => rm(path, { force: true })),
  };
}

/** The answers of a whole line for the batch of this number; undefined for any other. */
function parseLine(text: string, batch: number): Likelihood[] | undefined {
  try {
    const parsed = line.safeParse(JSON.parse(text));
    if (!parsed.success || parsed.data.batch !== batch) return undefined;
    return parsed.data.answers.map(([logLikelihood, greedy]) => ({ logLikelihood, greedy }));
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new CheckpointError(
      `${path}: expected to keep answers there, got ${code ?? message}. Choose a directory with room that you may write to.`,
      { cause },
    );
  }
}
