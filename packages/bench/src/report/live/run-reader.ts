/** Runs of a directory, read again and again: of those whose files are as they were, nothing is read. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findRunDirectories, type ReadRun, readRun } from '../../runs/read-results.js';
import { RECORD_FILES } from '../../runs/records.js';
import type { RunRecord } from '../../runs/results.js';
import type { OnFault } from '../../runs/tell-fault.js';

/** What was found. */
export interface RunsRead {
  /** In the order of `loadRuns`. */
  readonly runs: readonly RunRecord[];
  /** Tells the state of their files from others. */
  readonly mark: string;
}

/**
 * @param onFault is told of records that cannot be read; runs without a config are left out.
 * @returns what reads the runs as they are. It throws InvalidConfigError where there is no such directory.
 */
export function createRunReader(directory: string, onFault: OnFault): () => Promise<RunsRead> {
  let known = new Map<string, { readonly mark: string; readonly run: RunRecord | undefined }>();
  return async () => {
    const now: typeof known = new Map();
    for (const place of await findRunDirectories(directory, onFault)) {
      // Before reading: what is written meanwhile has another mark the next time.
      const mark = await markOf(place);
      const before = known.get(place);
      now.set(place, before?.mark === mark ? before : { mark, run: await readWhole(place, onFault) });
    }
    known = now;
    return {
      runs: [...now.values()].flatMap(({ run }) => run ?? []).sort(byName),
      mark: [...now].map(([place, { mark }]) => `${place} ${mark}`).join('\n'),
    };
  };
}

/** The record itself, not a copy: it reads its curves when they are looked at. */
async function readWhole(place: string, onFault: OnFault): Promise<RunRecord | undefined> {
  const run = await readRun(place, onFault);
  return isWhole(run) ? run : undefined;
}

const isWhole = (run: ReadRun): run is RunRecord => run.config !== undefined;

function byName({ config: a }: RunRecord, { config: b }: RunRecord): number {
  return (
    a.experiment.localeCompare(b.experiment) ||
    a.label.localeCompare(b.label) ||
    a.learningRate - b.learningRate ||
    a.seed - b.seed
  );
}

/** Files are replaced or appended to: size, time and number tell. */
async function markOf(place: string): Promise<string> {
  const marks = await Promise.all(
    RECORD_FILES.map(async (file) => {
      try {
        const { ino, size, mtimeMs } = await stat(join(place, file));
        return `${ino}:${size}:${mtimeMs}`;
      } catch {
        return '-'; // not there, or not to be reached: reading says which
      }
    }),
  );
  return marks.join(' ');
}
