/** The results of `bench:length` as Markdown. */
import { linearRegression } from 'simple-statistics';

export const PASSES = ['forward', 'training'] as const;
export type Pass = (typeof PASSES)[number];

/** A length measured. */
export interface Point {
  readonly label: string;
  readonly pass: Pass;
  readonly seqLen: number;
  readonly milliseconds: number;
  readonly repeats: number;
  /** Peak memory of the process beyond what it had before. */
  readonly peakMiB: number;
}

/** What a file of results holds. */
export interface LengthResults {
  readonly header: string;
  readonly lengths: readonly number[];
  readonly points: readonly Point[];
  readonly fits: readonly object[];
}

/** The slope of log y over log L, over the last three lengths; undefined with fewer. */
export function exponentOf(points: readonly Point[], value: (point: Point) => number): number | undefined {
  const last = points.slice(-3);
  if (last.length < 3) return undefined;
  return linearRegression(last.map((point) => [Math.log(point.seqLen), Math.log(Math.max(value(point), 1e-9))])).m;
}

/** As a table says it. */
export const milliseconds = (time: number) => time.toFixed(time < 10 ? 2 : time < 100 ? 1 : 0);

/** The tables, with headings of a level. */
export function lengthMarkdown({ header, lengths, points }: LengthResults, heading: string): string {
  const table = (pass: Pass) => {
    const ofPass = points.filter((point) => point.pass === pass);
    const rows = [...new Set(ofPass.map(({ label }) => label))].map((label) => {
      const ofMixer = ofPass.filter((point) => point.label === label);
      const cells = lengths.map((seqLen) => {
        const point = ofMixer.find((other) => other.seqLen === seqLen);
        return point ? `${milliseconds(point.milliseconds)} / ${Math.round(point.peakMiB)}` : 'too long';
      });
      const exponent = exponentOf(ofMixer, (point) => point.milliseconds);
      return `| ${label} | ${cells.join(' | ')} | ${exponent?.toFixed(2) ?? ''} |`;
    });
    return [
      `${heading} ${pass === 'forward' ? 'Forward' : 'Training: forward and gradients'}`,
      '',
      `| mixer | ${lengths.map((seqLen) => `L = ${seqLen.toLocaleString('en')}`).join(' | ')} | time grows as L^ |`,
      `|---|${lengths.map(() => '---:').join('|')}|---:|`,
      ...rows,
      '',
    ];
  };
  return [header, '', ...PASSES.flatMap(table)].join('\n');
}
