import type { Playground } from './use-playground.js';

export function Story(_: { readonly playground: Playground }) {
  return null;
}
