/** What a report has of every run, as CSV in pieces: each run is read when its turn comes, so that thousands need no memory. */
import { type DoneRun, isDone, type RunRecord } from '../runs/results.js';
import { toCsv } from './csv.js';
import type { Entry } from './entries.js';

type Row = Readonly<Record<string, unknown>>;

/** Every record of every run, in the order they were written. */
export const curvesCsv = (entries: readonly Entry[]): Iterable<string> => inPieces(entries, CURVES, curveRows);

/** Every run: how it ended, what it measured at the training length, and what it took. */
export const runsCsv = (entries: readonly Entry[]): Iterable<string> => inPieces(entries, RUNS, runRows);

const RUN = ['setting', 'model', 'learningRate', 'seed'];
const CURVES = [...RUN, 'split', 'epoch', 'step', 'seconds', 'loss', 'accuracy'];
const MEASURED = [
  'validationAccuracy',
  'validationLoss',
  'testAccuracy',
  'testLoss',
  'trainSeconds',
  'totalSeconds',
  'stepMs',
  'peakMemoryBytes',
];
const RUNS = [...RUN, 'id', 'status', 'steps', ...MEASURED, 'message'];

function* inPieces(
  entries: readonly Entry[],
  columns: readonly string[],
  rowsOf: (entry: Entry) => (run: RunRecord) => Row[],
): Iterable<string> {
  yield toCsv([], columns);
  for (const entry of entries) {
    const rows = rowsOf(entry);
    for (const run of entry.runs) yield toCsv(rows(run), columns, false);
  }
}

const nameOf = ({ setting, label }: Entry, { config: { learningRate, seed } }: RunRecord) => ({
  setting,
  model: label,
  learningRate,
  seed,
});

const curveRows =
  (entry: Entry) =>
  (run: RunRecord): Row[] => {
    const about = nameOf(entry, run);
    const { steps, epochs } = run;
    return [
      ...steps.map(({ step, epoch, seconds, loss, accuracy }) => ({
        ...about,
        split: 'train',
        epoch,
        step,
        seconds,
        loss,
        accuracy,
      })),
      ...epochs.map(({ step, epoch, seconds, validationLoss, validationAccuracy }) => ({
        ...about,
        split: 'validation',
        epoch,
        step,
        seconds,
        loss: validationLoss,
        accuracy: validationAccuracy,
      })),
    ];
  };

function runRows(entry: Entry): (run: RunRecord) => Row[] {
  const open = new Map(entry.open.map((run) => [run.config, run]));
  return (run) => {
    const { config, result } = run;
    const row = {
      ...nameOf(entry, run),
      id: config.id,
      status: open.get(config)?.status ?? 'done',
      steps: result?.steps ?? run.epochs.at(-1)?.step,
      ...(isDone(run) ? measured(run, entry.trainLength) : Object.fromEntries(MEASURED.map((name) => [name, null]))),
      message: open.get(config)?.message,
    };
    return [row];
  };
}

function measured({ result: { validation, test, cost, ...result } }: DoneRun, trainLength: number): Row {
  const tested = test.find(({ seqLen }) => seqLen === trainLength);
  return {
    validationAccuracy: validation.accuracy,
    validationLoss: validation.loss,
    testAccuracy: tested?.accuracy,
    testLoss: tested?.loss,
    trainSeconds: result.trainSeconds,
    totalSeconds: result.totalSeconds,
    stepMs: cost.stepMs.median,
    peakMemoryBytes: cost.peakMemoryBytes,
  };
}
