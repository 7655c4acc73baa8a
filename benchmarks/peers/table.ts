/** The results of `bench:peers` as Markdown. */
import type { CellResult, Entry, Interval } from './timing.js';

/** What a file of results holds. */
export interface PeerResults {
  /** The machine, and how it was measured. */
  readonly header: string;
  readonly cells: readonly CellResult[];
}

const TITLES = {
  step: 'A training step',
  forward: 'The loss of a batch, without gradients',
  prefill: 'Prefill',
  decode: 'A token after L of them',
} as const;

/** What was aimed at: how many times as fast a step of CAT with native kernels is to be as these. */
const AIMS = [
  { vocabSize: 8192, name: 'PyTorch, tuned', aim: 2 },
  { vocabSize: 8192, name: 'PyTorch, tuned, logits everywhere', aim: 5 },
  { vocabSize: 512, name: 'PyTorch, tuned', aim: 1.5 },
] as const;

/** The tables, the headings of which are of the level of `heading`. */
export function peersMarkdown({ header, cells }: PeerResults, heading = '##'): string {
  const field = cells.filter((cell) => cell.field === 'all');
  const rest = cells.filter((cell) => cell.field !== 'all');
  const kinds = (Object.keys(TITLES) as (keyof typeof TITLES)[]).filter((kind) =>
    rest.some(({ one }) => one.kind === kind),
  );
  return [
    header,
    '',
    ...(field.length > 0 ? [`${heading} Aims`, '', ...aims(field), ''] : []),
    ...(field.length > 0 ? [`${heading} Everyone`, '', ...everyone(field), ''] : []),
    ...kinds.flatMap((kind) => [
      `${heading} ${TITLES[kind]}`,
      '',
      ...mixers(rest.filter(({ one }) => one.kind === kind)),
      '',
    ]),
    ...absences(cells),
  ].join('\n');
}

function aims(cells: readonly CellResult[]): string[] {
  const lines = AIMS.flatMap(({ vocabSize, name, aim }) =>
    cells.flatMap(({ one, threads, entries }) => {
      const ratio = entries.find((entry) => entry.name === name)?.overNative;
      if (one.mixer !== 'cat' || one.kind !== 'step' || one.vocabSize !== vocabSize || !ratio) return [];
      const share = ratio.median / aim;
      const verdict = share >= 1 ? 'reached' : `missed by ${Math.round(100 * (1 - share))} %`;
      return `| ${count(vocabSize)} | ${threads} | ${name} | ${aim} x | ${times(ratio)} x | ${verdict} |`;
    }),
  );
  return ['| V | threads | as fast as | aim | native kernels | |', '|---:|---:|---|---:|---:|---|', ...lines];
}

function everyone(cells: readonly CellResult[]): string[] {
  const lines = cells.flatMap(({ one, threads, entries }) =>
    entries.map(
      ({ name, form, milliseconds, overWasm, overNative }) =>
        `| ${one.mixer} | ${one.kind} | ${count(one.vocabSize)} | ${count(one.seqLen)} | ${one.dModel} | ${one.batchSize} | ${threads} | ${name}${form ? ` (${form})` : ''} | ${time(milliseconds)} | ${times(overWasm)} | ${times(overNative)} |`,
    ),
  );
  return [
    '| mixer | | V | L | d | batch | threads | who | ms | times as long as wasm | as native kernels |',
    '|---|---|---:|---:|---:|---:|---:|---|---:|---:|---:|',
    ...lines,
  ];
}

/** A line for each cell: ours, the faster PyTorch, and how much longer it takes. */
function mixers(cells: readonly CellResult[]): string[] {
  const lines = cells.map(({ one, threads, entries }) => {
    const ofRole = (role: Entry['role']) => entries.find((entry) => entry.role === role);
    const best = entries
      .filter(({ name }) => name.startsWith('PyTorch'))
      .sort((a, b) => a.milliseconds - b.milliseconds)[0];
    const what = best ? [best.form, best.name.includes('compiled') ? 'compiled' : ''].filter(Boolean).join(', ') : '';
    return (
      `| ${one.mixer} | ${count(one.vocabSize)} | ${count(one.seqLen)} | ${one.dModel} | ${one.batchSize} | ${threads} | ${time(ofRole('wasm')?.milliseconds)} | ` +
      `${time(ofRole('native')?.milliseconds)} | ${time(best?.milliseconds)} | ${what} | ${times(best?.overWasm)} | ${times(best?.overNative)} |`
    );
  });
  return [
    '| mixer | V | L | d | batch | threads | wasm, ms | native kernels, ms | PyTorch, ms | its form | times as long as wasm | as native kernels |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|---:|',
    ...lines,
  ];
}

/** Who is missing where and why, each reason once. */
function absences(cells: readonly CellResult[]): string[] {
  const where = new Map<string, string[]>();
  for (const { one, threads, missing } of cells) {
    for (const { name, reason } of missing) {
      const key = `${name}: ${reason.replace(/\s+/g, ' ').replaceAll('|', '\\|')}`;
      const places = where.get(key) ?? [];
      places.push(`${one.mixer} ${one.kind} V ${one.vocabSize} L ${one.seqLen} d ${one.dModel}, ${threads} threads`);
      where.set(key, places);
    }
  }
  if (where.size === 0) return [];
  const list = [...where].map(([what, places]) => {
    const more = places.length > 2 ? ` and ${places.length - 1} more` : places[1] ? `; ${places[1]}` : '';
    return `- ${what} (${places[0]}${more})`;
  });
  return ['Missing:', '', ...list, ''];
}

const count = (value: number) => value.toLocaleString('en');
const time = (value: number | undefined) =>
  value === undefined ? '' : value.toFixed(value < 1 ? 3 : value < 100 ? 1 : 0);
const times = (ratio: Interval | undefined) => {
  if (!ratio) return '';
  const { median, low, high } = ratio;
  return low === 1 && high === 1 ? '1' : `${median.toFixed(2)} (${low.toFixed(2)} - ${high.toFixed(2)})`;
};
