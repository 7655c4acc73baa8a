/** Drawings that are kept, for a page that is made again and again while most of its charts stay as they are. */
import { createHash } from 'node:crypto';
import type { TopLevelSpec } from 'vega-lite';
import { renderSvg } from './chart-parts.js';

/** By hash of the specification, the longest unused first. */
const drawings = new Map<string, string>();
let room = 0;

/** Keeps drawings from now on, up to so many characters together. */
export function keepDrawings(characters: number): void {
  room = characters;
  makeRoom();
}

/** As {@link renderSvg}, at once where the same chart was drawn before and is kept. */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  if (room === 0) return renderSvg(spec);
  const key = createHash('sha256').update(JSON.stringify(spec)).digest('base64');
  const svg = drawings.get(key) ?? (await renderSvg(spec));
  drawings.delete(key);
  drawings.set(key, svg);
  makeRoom();
  return svg;
}

function makeRoom(): void {
  let kept = [...drawings.values()].reduce((sum, { length }) => sum + length, 0);
  for (const [key, { length }] of drawings) {
    if (kept <= room) return;
    drawings.delete(key);
    kept -= length;
  }
}
