import type { Playground } from './use-playground.js';

export function Inspector(_: { readonly playground: Playground }) {
  return null;
}
