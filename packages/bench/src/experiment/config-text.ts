/** Configs as text (YAML, of which JSON is a part) and as data, checked before anything is made of them. */
import { InvalidConfigError } from '@mixerzoo/core';
import { type CST, Parser, parseDocument } from 'yaml';
import { LIMITS } from './limits.js';

/**
 * The value of a YAML text.
 * @throws InvalidConfigError with the place of a fault: also for keys that are there twice and tags without a meaning.
 */
export function parseYaml(text: string, where: string): unknown {
  assertBounded(text, where);
  try {
    const document = parseDocument(text);
    const [fault] = [...document.errors, ...document.warnings];
    if (fault) throw fault;
    return document.toJS();
  } catch (error) {
    const { message } = error as Error;
    throw new InvalidConfigError(`${where}: expected YAML, got a fault in it: ${message.trim()}`, { cause: error });
  }
}

/**
 * Holds a text to its bounds before it is composed: that takes a time quadratic in the keys, and goes down by recursion,
 * where a stack that overflows within a regular expression ends the process.
 * @throws InvalidConfigError
 */
function assertBounded(text: string, where: string): void {
  const open: { token: CST.Token | null | undefined; depth: number }[] = [];
  for (const token of new Parser().parse(text)) open.push({ token, depth: 0 });
  let values = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    values += 1;
    if (values > LIMITS.configValues) throw tooMany(where);
    if (depth > LIMITS.configDepth) throw tooDeep(where);
    if (token?.type === 'document') open.push({ token: token.value, depth });
    if (!token || !('items' in token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 });
      open.push({ token: value, depth: depth + 1 });
    }
  }
}

const tooMany = (where: string) =>
  new InvalidConfigError(`${where}: expected at most ${LIMITS.configValues} keys and values, got more.`);
const tooDeep = (where: string) =>
  new InvalidConfigError(`${where}: expected at most ${LIMITS.configDepth} levels, got deeper ones.`);

/**
 * Holds data to what JSON can hold, in bounds: functions and made mixers and tasks (with a `specVersion`) stand for
 * themselves.
 * @throws InvalidConfigError for values within themselves, too many or too deep, a bigint or symbol, the key `__proto__`.
 */
export function assertConfigData(value: unknown, where: string): void {
  let values = 0;
  const visit = (node: unknown, path: readonly string[], above: readonly unknown[]) => {
    const fault = (expected: string, got: string): never => {
      const at = path.length === 0 ? '' : `${path.length > 8 ? '…' : ''}${path.slice(-8).join('.')}: `;
      throw new InvalidConfigError(`${where}: ${at}expected ${expected}, got ${got}.`);
    };
    values += 1;
    if (values > LIMITS.configValues) throw tooMany(where);
    if (typeof node === 'bigint') fault('a number', `the bigint ${node}n`);
    if (typeof node === 'symbol') fault('a text or number', 'a symbol');
    if (typeof node !== 'object' || node === null || (path.length > 0 && 'specVersion' in node)) return;
    if (above.includes(node)) fault('data that ends', 'a value within itself');
    if (path.length > LIMITS.configDepth) throw tooDeep(where);
    for (const [key, inner] of Object.entries(node)) {
      if (key === '__proto__') fault('another key', "'__proto__'");
      visit(inner, [...path, key], [...above, node]);
    }
  };
  visit(value, [], []);
}

/** True for objects that only hold keys and values. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

/** The value of a key of the object itself. */
export function ownValue(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
