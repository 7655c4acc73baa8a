/** SVG to PNG, by resvg with the machine's fonts. */
import { Resvg } from '@resvg/resvg-js';

/** Pixels per unit of the drawing. */
const SCALE = 2;

const FONT = { loadSystemFonts: true, sansSerifFamily: 'DejaVu Sans', defaultFontFamily: 'DejaVu Sans' };

/** The drawing on white; undefined on a machine without fonts, where all words would be missing. */
export function renderPng(svg: string): Uint8Array | undefined {
  if (!hasFonts()) return undefined;
  const fitTo = { mode: 'zoom', value: SCALE } as const;
  return new Resvg(svg, { font: FONT, fitTo, background: '#ffffff' }).render().asPng();
}

function hasFonts(): boolean {
  const word =
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="16" font-family="sans-serif">A</text></svg>';
  return new Resvg(word, { font: FONT }).getBBox() !== undefined;
}
