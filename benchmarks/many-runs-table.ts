/** The table of `npm run check:many`: what commands take over thousands of finished runs. */

/** A command over a directory of runs. */
interface Measured {
  readonly command: string;
  readonly seconds: number;
  /** Of the processor: what the command takes where nothing else runs. */
  readonly cpuSeconds: number;
  /** Largest resident set. */
  readonly peakMiB: number;
  /** Of the report page it writes, if any. */
  readonly pageMiB?: number;
}

/** `benchmarks/results/many-runs.json`. */
export interface ManyRunsResults {
  readonly cpu: string;
  readonly node: string;
  readonly measured: readonly {
    readonly runs: number;
    readonly models: number;
    readonly commands: readonly Measured[];
  }[];
}

/** The document that it stands in. */
export const MANY_RUNS_DOCUMENT = 'docs/clusters.md';

/** A line for each command and number of runs. */
export function manyRunsMarkdown({ cpu, node, measured }: ManyRunsResults): string {
  const rows = measured.flatMap(({ runs, models, commands }) =>
    commands.map(({ command, cpuSeconds, peakMiB, pageMiB }) => {
      const page = pageMiB === undefined ? '' : `${pageMiB} MiB`;
      return `| \`mixerzoo ${command}\` | ${runs.toLocaleString('en')} | ${models} | ${cpuSeconds} s | ${peakMiB} MiB | ${page} |`;
    }),
  );
  return [
    '| command | runs | models | processor time | memory at most | page |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
    `${cpu}, Node ${node}.`,
  ].join('\n');
}
