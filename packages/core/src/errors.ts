/**
 * Errors a user can meet. Messages read `<where>: <expected>, got <received>. <how to fix>`.
 *
 * Classes are recognised by `code`, not by `instanceof`, so that two installed copies of core agree:
 * use {@link isZooError}.
 */
import { distance } from 'fastest-levenshtein';

const ERROR_CODES = [
  'invalid-config',
  'shape',
  'unknown-name',
  'engine',
  'out-of-memory',
  'numerical',
  'checkpoint',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Base of every error mixerzoo throws on purpose. */
export class ZooError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A config that does not fit its schema, or whose values do not fit together. */
export class InvalidConfigError extends ZooError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid-config', message, options);
  }
}

/** A tensor of the wrong rank, size or dtype. */
export class ShapeError extends ZooError {
  constructor(message: string) {
    super('shape', message);
  }
}

/** A mixer, task, preset, engine or key that nobody has registered. */
export class UnknownNameError extends ZooError {
  constructor(
    readonly kind: string,
    readonly received: string,
    readonly known: readonly string[],
  ) {
    super('unknown-name', `unknown ${kind} '${received}'.${formatSuggestion(received, known)}`);
  }
}

/** An engine that is not there, or cannot do what it was asked. */
export class EngineError extends ZooError {
  constructor(message: string, options?: ErrorOptions) {
    super('engine', message, options);
  }
}

/** The engine's memory is exhausted. */
export class OutOfMemoryError extends ZooError {
  constructor(message: string) {
    super('out-of-memory', message);
  }
}

/** A loss, gradient or parameter stopped being finite. */
export class NumericalError extends ZooError {
  constructor(message: string, options?: ErrorOptions) {
    super('numerical', message, options);
  }
}

/** A checkpoint that is damaged, or belongs to another run. */
export class CheckpointError extends ZooError {
  constructor(message: string, options?: ErrorOptions) {
    super('checkpoint', message, options);
  }
}

/** True for an error of any installed copy of core, optionally of one code. */
export function isZooError(error: unknown, code?: ErrorCode): error is ZooError {
  return (
    error instanceof Error &&
    'code' in error &&
    (code === undefined ? ERROR_CODES.some((known) => known === error.code) : error.code === code)
  );
}

/** The known name that was most likely meant: a typing slip away, begun (`batch`, of `batchSize`) or in its initials (`lr`, of `learningRates`). */
export function nearestName(received: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, edits: editsTo(name, received) })).sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(2, Math.floor(received.length / 3)) ? best.name : undefined;
}

/** Typing slips between them; a name that is begun, or stands in its initials, is nearer than one slip. */
function editsTo(name: string, received: string): number {
  const [whole, typed] = [name.toLowerCase(), received.toLowerCase()];
  const initials = name.replace(/(?<!^)[a-z0-9]+/g, '').toLowerCase();
  const isShort = (typed.length > 2 && whole.startsWith(typed)) || (typed.length > 1 && typed === initials);
  return isShort && typed !== whole ? 0.5 : distance(typed, whole);
}

/** ` Did you mean 'x'? Known: a, b, c.`, with a leading space; empty when nothing is known. `meant` stands in place of the nearest name. */
export function formatSuggestion(received: string, known: readonly string[], meant?: string): string {
  const near = nearestName(received, known);
  const hint = meant ?? (near === undefined ? '' : `'${near}'`);
  const question = hint && ` Did you mean ${hint}?`;
  return known.length === 0 ? question : `${question} Known: ${[...known].sort().join(', ')}.`;
}
