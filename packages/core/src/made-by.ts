/**
 * Which factory made a mixer or a task, so that a run's record can name the code behind an instance. A changed copy
 * (`{ ...mixer, apply }`) is not of that factory any more, and does not claim to be: the mark is not copied.
 */

/** Shared by all installed copies of core. */
const FACTORY = Symbol.for('mixerzoo.factory');

/** Marks what a factory has made, and freezes it. */
export function madeBy<T extends object>(factory: unknown, made: T): T {
  return Object.freeze(Object.defineProperty(made, FACTORY, { value: factory }));
}

/** The factory of `defineMixer` or `defineTask` that made this very object; undefined for one made in another way. */
export function factoryOf(made: object): unknown {
  return Object.getOwnPropertyDescriptor(made, FACTORY)?.value;
}
