/**
 * Imports of code that is not ours, plugins and configs. One that would end the process is an error, one that takes long
 * is named, and one that never ends is an error where it waits; what loops for ever can only be named.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { InvalidConfigError } from '@mixerzoo/core';
import { LONGEST_TIMER } from './runs/budget.js';
import { orderGuard } from './runs/guard-thread.js';
import { visibleLine } from './terminal.js';

/** Milliseconds of an import. */
export interface ImportLimits {
  /** After which a line on standard error names it. */
  readonly sayAfterMs: number;
  /** After which it is given up. */
  readonly giveUpAfterMs: number;
}

const SAY_AFTER_MS = 5000;
const USUAL_SECONDS = 30;

/** `MIXERZOO_IMPORT_SECONDS` of the environment, or half a minute. @throws InvalidConfigError for no such time. */
function importLimits(): ImportLimits {
  const asked = process.env['MIXERZOO_IMPORT_SECONDS'];
  const giveUpAfterMs = 1000 * (asked ? Number(asked) : USUAL_SECONDS);
  if (giveUpAfterMs > 0 && giveUpAfterMs <= LONGEST_TIMER) return { sayAfterMs: SAY_AFTER_MS, giveUpAfterMs };
  const most = Math.floor(LONGEST_TIMER / 1000);
  throw new InvalidConfigError(`MIXERZOO_IMPORT_SECONDS: expected a number above 0, at most ${most}, got '${asked}'.`);
}

/** The import that code runs in; what a module does later, from a timer, is no part of it. */
const running = new AsyncLocalStorage<{ readonly name: string; going: boolean }>();
const exit = process.exit;
let imports = 0;

/**
 * Loads a module.
 * @param name - as messages call it: a package, a path.
 * @throws InvalidConfigError if it calls `process.exit` or does not settle, for a `MIXERZOO_IMPORT_SECONDS` that is none,
 *   and what `load` throws.
 */
export async function importGuarded<T>(name: string, load: () => Promise<T>, limits = importLimits()): Promise<T> {
  imports++;
  process.exit = (code) => {
    const caller = running.getStore();
    if (!caller?.going) return exit(code);
    throw new InvalidConfigError(
      `${caller.name}: expected a module to import, got a call of process.exit(${code ?? ''}).`,
    );
  };
  orderGuard({
    kind: 'say',
    line: `mixerzoo: importing ${visibleLine(name)} takes long; the machine may be busy, or it waits for something, or loops. Ctrl-C ends it.\n`,
    afterMs: limits.sayAfterMs,
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    const seconds = limits.giveUpAfterMs / 1000;
    const error = new InvalidConfigError(
      `${name}: expected an import that ends, got none within ${seconds} s. Does a top-level await wait for ever? MIXERZOO_IMPORT_SECONDS allows more.`,
    );
    timer = setTimeout(reject, limits.giveUpAfterMs, error);
  });
  const own = { name, going: true };
  try {
    return await Promise.race([running.run(own, load), tooLong]);
  } finally {
    own.going = false;
    clearTimeout(timer);
    imports--;
    if (imports === 0) {
      process.exit = exit;
      orderGuard({ kind: 'say', line: null, afterMs: 0 });
    }
  }
}
