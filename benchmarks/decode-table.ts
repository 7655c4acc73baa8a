/** The results of `bench:decode` as Markdown. */
import type { Spread } from '../packages/bench/src/runs/spread.js';

/** Milliseconds a token: median and quartiles over the steps after `seqLen` tokens. */
export interface Measurement extends Spread {
  readonly mixer: string;
  readonly seqLen: number;
  /** The mean holds what happens now and then: a block being closed, a buffer growing. */
  readonly mean: number;
  /** Milliseconds of the prefill. */
  readonly prefill: number;
  /** Elements of state of a sequence after `seqLen` tokens. */
  readonly stateSize: number;
  /** Milliseconds of copying the state of all sequences. */
  readonly copy: Spread;
}

/** What a file of results holds. */
export interface DecodeResults {
  readonly header: string;
  readonly lengths: readonly number[];
  readonly rows: readonly Measurement[];
}

/** Times as long as copying the state: of lower quartiles, which other programs disturb little. */
export const timesCopying = ({ lowerQuartile, copy }: Measurement) => lowerQuartile / copy.lowerQuartile;
/** Milliseconds; what is copied faster is in the processor's caches, and says nothing. */
const LEAST_COPY = 0.05;

/** The tables, with headings of a level. */
export function decodeMarkdown({ header, lengths, rows }: DecodeResults, heading: string): string {
  const mixers = [...new Set(rows.map(({ mixer }) => mixer))];
  const rowOf = (mixer: string, seqLen: number) => rows.find((row) => row.mixer === mixer && row.seqLen === seqLen);
  const table = (title: string, format: (row: Measurement) => string) => [
    `${heading} ${title}`,
    '',
    `| mixer | ${lengths.map((seqLen) => `L = ${seqLen.toLocaleString('en')}`).join(' | ')} |`,
    `|---|${lengths.map(() => '---:').join('|')}|`,
    ...mixers.map(
      (mixer) =>
        `| ${mixer} | ${lengths
          .map((seqLen) => {
            const row = rowOf(mixer, seqLen);
            return row ? format(row) : '';
          })
          .join(' | ')} |`,
    ),
    '',
  ];
  return [
    header,
    '',
    ...table('Milliseconds a token after L tokens: median (quartiles), mean', (row) => {
      const [median, low, high, average] = [row.median, row.lowerQuartile, row.upperQuartile, row.mean].map((time) =>
        time.toFixed(2),
      );
      return `${median} (${low} - ${high}), ${average}`;
    }),
    ...table('Times as long as copying the state (milliseconds of that)', (row) =>
      row.copy.lowerQuartile < LEAST_COPY
        ? ''
        : `${timesCopying(row).toFixed(1)} (${row.copy.lowerQuartile.toFixed(2)})`,
    ),
    ...table('Elements of state of a sequence after L tokens', ({ stateSize }) => stateSize.toLocaleString('en')),
    ...table('Milliseconds of prefill', ({ prefill }) => prefill.toFixed(0)),
  ].join('\n');
}
