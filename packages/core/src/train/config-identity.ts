/** What makes two runs the same run: their configs as canonical JSON. */

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
