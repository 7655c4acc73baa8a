/**
 * Reference forms computed once for all engines. `npm test` runs the suites on the embedded engine first, and has them
 * leave there what reference forms give (MIXERZOO_RECORD_REFERENCES, a folder); the runs on other engines read it
 * (MIXERZOO_REFERENCES). A reference form is a long graph of small ops, which an engine that is slow at them, such as a software
 * driver of a GPU, should not compute to check a kernel; and so engines are held to one another.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { expect } from 'vitest';
import * as tf from '../tf.js';

/** A tensor that has left its engine. */
export interface RecordedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * What reference forms give in the test that asks, which asks once: as recorded, or computed here and, if asked for,
 * recorded.
 * @param compute - tensors, which are freed here.
 */
export async function referenceNumbers(compute: () => readonly tf.Tensor[]): Promise<readonly RecordedTensor[]> {
  const { MIXERZOO_REFERENCES: given, MIXERZOO_RECORD_REFERENCES: wanted } = process.env;
  const recorded = given === undefined ? undefined : fileOf(given);
  if (recorded !== undefined && existsSync(recorded)) return deserialize(await readFile(recorded));
  const tensors = compute();
  const numbers = await Promise.all(
    tensors.map(async (tensor) => ({ shape: tensor.shape, data: await tensor.data() })),
  );
  tf.dispose([...tensors]);
  if (wanted !== undefined) await writeFile(fileOf(wanted), serialize(numbers));
  return numbers;
}

/** The file of the test that runs: the same in all runs on a checkout. */
function fileOf(folder: string): string {
  const { testPath, currentTestName } = expect.getState();
  return join(folder, createHash('sha256').update(`${testPath} ${currentTestName}`).digest('hex'));
}
