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
 * Holds the test that asks, which asks once, to what reference forms give: as recorded; where that is not met, or not there,
 * as computed here, since an engine's own exponential or sine may be further from another's than a kernel from its reference.
 * What is computed is recorded if asked for.
 * @param compute - tensors, which are freed here.
 * @param check - throws where they are not met.
 */
export async function againstReference(
  compute: () => readonly tf.Tensor[],
  check: (expected: readonly RecordedTensor[]) => Promise<void>,
): Promise<void> {
  const { MIXERZOO_REFERENCES: given, MIXERZOO_RECORD_REFERENCES: wanted } = process.env;
  const recorded = given === undefined ? undefined : fileOf(given);
  if (recorded !== undefined && existsSync(recorded)) {
    const met = await check(deserialize(await readFile(recorded))).then(
      () => true,
      () => false,
    );
    if (met) return;
  }
  const tensors = compute();
  const numbers = await Promise.all(
    tensors.map(async (tensor) => ({ shape: tensor.shape, data: (await tensor.data()) as RecordedTensor['data'] })),
  );
  tf.dispose([...tensors]);
  if (wanted !== undefined) await writeFile(fileOf(wanted), serialize(numbers));
  await check(numbers);
}

/** The file of the test that runs: the same in all runs on a checkout. */
function fileOf(folder: string): string {
  const { testPath, currentTestName } = expect.getState();
  return join(folder, createHash('sha256').update(`${testPath} ${currentTestName}`).digest('hex'));
}
