/**
 * How the series of a report are told apart: by colour, mark and dash at once, so that none has to be seen alone.
 *
 * The colours follow Okabe and Ito's set (https://jfly.uni-koeln.de/color/), darkened on white and lightened on dark
 * until each has a contrast of 4.5 : 1 or more with the page.
 */

/** The looks of one series. */
export interface SeriesStyle {
  /** The colour on white, which is also the series' name within a chart: no two series share it. */
  readonly light: string;
  readonly dark: string;
  /** Dash pattern in pixels; empty for a solid line. */
  readonly dash: readonly number[];
  /** SVG path of the mark within [-1, 1] x [-1, 1]. */
  readonly mark: string;
}

const COLOURS = [
  ['#0067a5', '#5ab4f0'],
  ['#c84a00', '#ff8f57'],
  ['#007a5a', '#2fcf9f'],
  ['#9b3f86', '#e59bd0'],
  ['#806000', '#e6c229'],
  ['#33373d', '#d5d9e0'],
  ['#0d7c92', '#6fdcef'],
  ['#b3263a', '#ff7d8e'],
  ['#5b4fc4', '#aaa2ff'],
] as const;

const MARKS = [
  'M-0.9,0A0.9,0.9,0,1,1,0.9,0A0.9,0.9,0,1,1,-0.9,0Z',
  'M-0.8,-0.8H0.8V0.8H-0.8Z',
  'M0,-1L1,0.8H-1Z',
  'M0,-1.1L1,0L0,1.1L-1,0Z',
  'M0,1L-1,-0.8H1Z',
  'M-1,-0.36H-0.36V-1H0.36V-0.36H1V0.36H0.36V1H-0.36V0.36H-1Z',
  'M1,0L-0.8,1V-1Z',
  'M-1,0L0.8,-1V1Z',
  'M0,-0.45L0.6,-1L1,-0.6L0.45,0L1,0.6L0.6,1L0,0.45L-0.6,1L-1,0.6L-0.45,0L-1,-0.6L-0.6,-1Z',
] as const;

const DASHES: readonly (readonly number[])[] = [
  [],
  [7, 4],
  [2, 3],
  [9, 3, 2, 3],
  [12, 5],
  [4, 2, 2, 2, 2, 2],
  [16, 3],
  [9, 2, 2, 2, 2, 2],
  [5, 5],
];

/** The looks of the `index`-th series; colours repeat after 9, with other marks and dashes, 81 in all. */
export function seriesStyle(index: number): SeriesStyle {
  const colour = index % COLOURS.length;
  const [light, dark] = COLOURS[colour]!;
  const round = Math.floor(index / COLOURS.length);
  return {
    light: nudge(light, round),
    dark,
    mark: MARKS[(colour + round) % MARKS.length]!,
    dash: DASHES[(colour + round) % DASHES.length]!,
  };
}

/** A colour that looks the same and is written differently. */
function nudge(colour: string, by: number): string {
  const value = Number.parseInt(colour.slice(1), 16);
  return `#${(value ^ by).toString(16).padStart(6, '0')}`;
}
