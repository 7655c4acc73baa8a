/** What makes two runs the same run: their configs as canonical JSON, and where they differ. */

import { sha256 } from './node-modules.js';

/** Hex SHA-256 of a config as JSON: equal configs have equal ones, whatever the order of their keys. */
export function hashConfig(config: unknown): string {
  return sha256(JSON.stringify(toJson(config)));
}

/** A JSON copy with sorted keys, so that equal configs have equal text. */
export function toJson<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_, node: unknown) =>
      typeof node === 'object' && node !== null && !Array.isArray(node)
        ? Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1)))
        : node,
    ),
  ) as T;
}

/** `optimizer.learningRate is 0.1 here and 0.01 there`; undefined when equal. */
export function firstDifference(here: unknown, there: unknown, path = ''): string | undefined {
  if (typeof here === 'object' && typeof there === 'object' && here !== null && there !== null) {
    for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
      const [a, b] = [here, there].map((node) => (node as Record<string, unknown>)[key]);
      const found = firstDifference(a, b, path === '' ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return here === there ? undefined : `${path} is ${JSON.stringify(here)} here and ${JSON.stringify(there)} there`;
}
