/** Parsing of user input by zod schemas, with errors a user can act on. */
import type { z } from 'zod';
import { formatSuggestion, InvalidConfigError, nearestName } from './errors.js';

/**
 * Parses `input`, filling in defaults.
 *
 * @param where - what the input is, for messages: `cat`, `experiment.config.ts`.
 * @throws InvalidConfigError that lists every fault with its path, what was expected and what came; an unknown
 *   key is answered with the nearest known one.
 */
export function parseConfig<S extends z.ZodType>(schema: S, input: unknown, where: string): z.output<S> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => formatIssue(issue, input, schema));
  throw new InvalidConfigError(
    faults.length === 1 ? `${where}: ${faults[0]}` : `${where}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
  );
}

/**
 * A check for `schema.check`: options that do nothing, since another is what it is, are refused unless they are left at their
 * defaults. Silence would let them pass for having been tried.
 *
 * @param shape - the schemas of the options, for their defaults.
 * @param rules - by option: whether it is used, and what would use it, for the message.
 * @example z.strictObject(options).check(refuseIdle(options, { rho: [({ filter }) => filter === 'ssm', "filter 'ssm'"] }))
 */
export function refuseIdle<T extends object, K extends string>(
  shape: Readonly<Record<K, z.ZodType>>,
  rules: Readonly<Partial<Record<K, readonly [isUsed: (config: T) => boolean, by: string]>>>,
): (context: { readonly value: T; readonly issues: z.core.$ZodRawIssue[] }) => void {
  return ({ value, issues }) => {
    for (const [name, rule] of Object.entries(rules) as [K, readonly [(config: T) => boolean, string]][]) {
      const [isUsed, by] = rule;
      const given = (value as Record<string, unknown>)[name];
      if (given === undefined || given === shape[name].safeParse(undefined).data || isUsed(value)) continue;
      const message = `expected none without ${by}, got ${formatValue(given)}. It would change nothing: leave it out`;
      issues.push({ code: 'custom', path: [name], message, input: value });
    }
  };
}

function formatIssue(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType): string[] {
  const at = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => {
      const elsewhere = keyElsewhere(schema, issue.path, key);
      return `${at}unknown key '${key}'.${formatSuggestion(key, known, elsewhere)}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Report the branch that got furthest: the one whose first fault lies deepest, then the one with fewest faults.
    const depth = (branch: z.core.$ZodIssue[]) => Math.max(0, ...branch.map((fault) => fault.path.length));
    const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
    const nested = best.map((fault) => ({ ...fault, path: [...issue.path, ...fault.path] }) as z.core.$ZodIssue);
    return nested.flatMap((fault) => formatIssue(fault, input, schema));
  }
  const value = valueAt(input, issue.path);
  const message = issue.message
    .replace(/^Invalid input: /, '')
    .replace(/^(Invalid|Too)/, (word) => word.toLowerCase())
    .replace(/, received (.*)$/, (_, received) => (issue.code === 'custom' ? `, got ${received}` : ''));
  const stated = message.includes(', got ');
  const near =
    issue.code === 'invalid_value' && typeof value === 'string' && nearestName(value, issue.values.map(String));
  return [`${at}${message}${stated ? '' : `, got ${formatValue(value)}`}.${near ? ` Did you mean '${near}'?` : ''}`];
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let node = input;
  for (const key of path) node = (node as Record<PropertyKey, unknown> | undefined)?.[key];
  return node;
}

/** `"cat"`, `3`, `undefined`, `{…}`: a value as short text for a message. */
function formatValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number') return String(value); // JSON has no NaN
  if (typeof value === 'bigint') return `${value}n`;
  const text = asJson(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** JSON, or what kind of value has none: one within itself, with a bigint in it, whose getter throws. */
function asJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return Array.isArray(value) ? 'a list' : 'an object';
  }
}

/** The keys an object schema knows at a path; empty when the schema there is not a plain object. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const shape = (schemaAt(schema, path) as SchemaNode | undefined)?.def?.shape;
  return shape ? Object.keys(shape) : [];
}

/** `'train.epochs'`: a key in a part of the object at a path, or in one that this stands in, if none of the object itself is nearer. */
function keyElsewhere(schema: z.ZodType, path: readonly PropertyKey[], key: string): string | undefined {
  const places: { readonly name: string; readonly at?: string }[] = knownKeys(schema, path).map((name) => ({ name }));
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const around = path.slice(0, depth);
    for (const name of knownKeys(schema, around)) {
      if (depth < path.length) places.push({ name, at: [...around, name].join('.') });
      const parts = knownKeys(schema, [...around, name]);
      places.push(...parts.map((part) => ({ name: part, at: [...around, name, part].join('.') })));
    }
  }
  const names = places.map(({ name }) => name);
  const near = nearestName(key, names);
  const { at } = places.find(({ name }) => name === near) ?? {};
  return at === undefined ? undefined : `'${at}'${at.includes('.') ? '' : ', at the top level'}`;
}

/** The schema at a path; undefined where there is none. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): unknown {
  let node = unwrap(schema);
  for (const key of path) {
    const { def } = node as SchemaNode;
    const inner = def?.type === 'array' ? def.element : (def?.shape?.[String(key)] ?? def?.valueType);
    if (inner === undefined) return undefined;
    node = unwrap(inner);
  }
  return node;
}

/** What is read of a schema. */
interface SchemaNode {
  readonly def?: {
    readonly type?: string;
    readonly shape?: Record<string, unknown>;
    readonly element?: unknown;
    /** Of a record. */
    readonly valueType?: unknown;
    readonly innerType?: unknown;
    readonly in?: unknown;
    readonly options?: readonly unknown[];
  };
}

/** Follows wrappers (optional, default, pipe) to the schema they wrap, and a union to its object, if there is one. */
function unwrap(node: unknown): unknown {
  const { def } = node as SchemaNode;
  const inner = def?.innerType ?? def?.in ?? def?.options?.find((option) => (unwrap(option) as SchemaNode).def?.shape);
  return inner === undefined ? node : unwrap(inner);
}
