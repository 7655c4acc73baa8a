/**
 * The curves of a run as its directory has them. Read through once, so that damaged lines are named, and then from disk again
 * whenever they are asked for: thousands of runs are held without theirs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRecord, METRICS, readIfThere } from './records.js';
import type { EpochRecord, MetricRecord, StepRecord } from './results.js';
import { type OnFault, tell } from './tell-fault.js';

/** Curves in the order they were written. */
export interface Curves {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
}

/** Curves that are on disk. */
export interface History {
  /** Records that could be read, and lines that could not. */
  readonly records: number;
  readonly unread: number;
  /** Reads them; what was read last is at hand. Nothing where the file has gone since. */
  read(): Curves;
}

/** Reads through the metrics of a run; see {@link readMetrics}. */
export async function readHistory(directory: string, id: string | undefined, onFault: OnFault): Promise<History> {
  let unread = 0;
  const { length: records } = await readMetrics(directory, id, (fault) => {
    unread += 1;
    onFault(fault);
  });
  const path = join(directory, METRICS.file);
  const decode = unread > 0 ? (line: string) => decodeRecord(METRICS, line, path, id) : trust;
  const history: History = {
    records,
    unread,
    read() {
      if (records === 0) return NO_HISTORY.read();
      if (latest?.of !== history) latest = { of: history, ...readCurves(path, decode) };
      return latest;
    },
  };
  return history;
}

/** The metrics of a run, without lines that cannot be read and a last one cut short by a kill. A missing file has none. */
export async function readMetrics(
  directory: string,
  id: string | undefined,
  onFault: OnFault,
): Promise<MetricRecord[]> {
  const path = join(directory, METRICS.file);
  const text = await readIfThere(path).catch((error: unknown) => tell(error, onFault));
  return linesOf(text ?? '').flatMap((line, index) => {
    try {
      return decodeRecord(METRICS, line, `${path} line ${index + 1}`, id);
    } catch (error) {
      return tell(error, onFault) ?? [];
    }
  });
}

/** Of a run that has written none. */
export const NO_HISTORY: History = { records: 0, unread: 0, read: () => ({ steps: [], epochs: [] }) };

/** Of one run: steps and epochs are mostly asked for together. */
let latest: (Curves & { readonly of: History }) | undefined;

function readCurves(path: string, decode: (line: string) => MetricRecord): Curves {
  const curves = { steps: [] as StepRecord[], epochs: [] as EpochRecord[] };
  for (const line of linesOf(textOf(path))) {
    try {
      const record = decode(line);
      if (record.kind === 'step') curves.steps.push(record);
      else curves.epochs.push(record);
    } catch {} // it was named, or is newer than what was read through
  }
  return curves;
}

/** A line that was sound when it was read through. */
function trust(line: string): MetricRecord {
  const { id: _, checksum: __, ...record } = JSON.parse(line) as MetricRecord & { id: string; checksum: string };
  return record as MetricRecord;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  lines.pop(); // after the last newline: nothing, or a line cut short
  return lines;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
