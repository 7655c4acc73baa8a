import type { Playground } from './use-playground.js';

export function CopyConfig(_: { readonly playground: Playground }) {
  return null;
}
