/** The version of the contracts of mixers, tasks and plugins. What it promises: docs/contract.md. */
import { InvalidConfigError } from './errors.js';

/** The version that this core reads, and that its `define` functions write. */
const SPEC_VERSION = 1;

/**
 * Refuses a part that was made for another version of its contract, before any of it is called.
 *
 * @param where - what the part is of, for the message: a package, a key of a config.
 * @param word - its kind: `mixer`, `plugin`.
 * @param madeBy - the function that makes one, as `defineMixer`.
 * @throws InvalidConfigError for one of another version, or of none.
 */
export function assertSpecVersion(where: string, word: string, part: unknown, madeBy: string): void {
  const version = (part as { readonly specVersion?: unknown } | null | undefined)?.specVersion;
  if (version === SPEC_VERSION) return;
  const mend =
    typeof version !== 'number'
      ? `Make it with ${madeBy} of @mixerzoo/core.`
      : version > SPEC_VERSION
        ? 'It was made for a newer @mixerzoo/core: update @mixerzoo/core and the packages that depend on it, or take an older release of what made it.'
        : 'It was made for an older @mixerzoo/core: update the package that made it.';
  const received =
    typeof version === 'number' ? String(version) : version === undefined ? 'none' : `a ${typeof version}`;
  throw new InvalidConfigError(
    `${where}: expected a ${word} for version ${SPEC_VERSION} of the contract, got ${received}. ${mend}`,
  );
}
