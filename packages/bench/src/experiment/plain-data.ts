/** What is data alone, and so can be sent to another process. */
import { isDeepStrictEqual } from 'node:util';
import { InvalidConfigError } from '@mixerzoo/core';
import { assertConfigData } from './config-text.js';

/**
 * Holds a part of a plugin to data alone, which can be sent to a worker: mixers and tasks by name.
 * @throws InvalidConfigError
 */
export function assertData(value: unknown, where: string): void {
  assertConfigData(value, where);
  if (isPlainData(value)) return;
  throw new InvalidConfigError(
    `${where}: expected data, got functions or objects of a class in it. Name mixers and tasks with their package: 'some-package#itsMixer'.`,
  );
}

/** True for what comes out of JSON as it went in: no functions, mixers or tasks that are made already. */
export function isPlainData(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false; // a BigInt, a circle
  }
}
