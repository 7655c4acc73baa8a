/**
 * Which mixer, of which config, made a tree of parameters. Shapes alone do not tell: those of two heads fit four, and give
 * other numbers. What is mapped from a tree (by an optimizer's update) is of its mixer too, and a file of parameters says of which
 * they are (`train/params-file.ts`); a copy (`{ ...params }`) is of none.
 */
import { firstDifference } from './config-difference.js';

/** Of the trees that an `init` made. */
export interface Origin {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** More than one where a mixer hands on what one within it made. */
const origins = new WeakMap<object, readonly Origin[]>();

/** Marks what an `init` made. */
export function addOrigin<T extends object>(tree: T, origin: Origin): T {
  origins.set(tree, [...(origins.get(tree) ?? []), origin]);
  return tree;
}

/** Marks `tree`, node by node made from another, as of the other's mixer. */
export function inheritOrigin<T extends object>(tree: T, from: object): T {
  const known = origins.get(from);
  if (known) origins.set(tree, known);
  return tree;
}

/** What made a node of a tree; nothing of a copy. */
export const originsOf = (node: object): readonly Origin[] => origins.get(node) ?? [];

/** What `tree` is of, where that is another mixer or another config: `those of 'cat'`, `others: nHeads is 4 here and 2 there`. */
export function otherOrigin(tree: object, origin: Origin): string | undefined {
  return differsFrom(originsOf(tree), origin);
}

/** What of `made` none is `expected`, in words; undefined where one is, and of nothing. */
export function differsFrom(made: readonly Origin[], { name, config }: Origin): string | undefined {
  const differences = made.map((origin) => {
    if (origin.config === config && origin.name === name) return undefined; // nearly always: once a step
    if (origin.name !== name) return `those of '${origin.name}'`;
    const difference = firstDifference(config, origin.config);
    return difference === undefined ? undefined : `others: ${difference}`;
  });
  return differences.includes(undefined) ? undefined : differences[0];
}
