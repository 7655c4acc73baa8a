/** Damaged records: nothing of them is believed, nothing else is lost, and no error is a raw one. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CheckpointError, NumericalError } from '@mixerzoo/core/errors';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatTable } from '../report/write-report.js';
import { exportRun } from '../tensorboard/export-run.js';
import { loadRuns } from './read-results.js';
import {
  CONFIG,
  decodeRecord,
  ENVIRONMENT,
  encodeLine,
  METRICS,
  RECORD_FILES,
  RESULT,
  type RecordKind,
  writeRecord,
} from './records.js';
import type { RunDone, RunRecord } from './results.js';

fc.configureGlobal({ seed: Number(process.env['MIXERZOO_FUZZ_SEED'] ?? 1) });

const FIXTURES = fileURLToPath(new URL('../__fixtures__/runs', import.meta.url));
const RUN = 'quick/cat-1-layer-lr0.01-s0-73f3de3f2b63';
const OTHER = 'quick/lincat-1-layer-lr0.01-s0-de3c2a72e0a7';

let root: string;
let sound: RunRecord[];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'mixerzoo-records-'));
  cpSync(FIXTURES, root, { recursive: true });
  sound = await loadRuns(root);
});
afterAll(() => rmSync(root, { recursive: true }));

/** Reads all runs while a file of one holds other bytes; then puts it right again. */
async function readWith(file: string, bytes: Uint8Array | string): Promise<{ runs: RunRecord[]; faults: string[] }> {
  const path = join(root, RUN, file);
  const before = readFileSync(path);
  const faults: string[] = [];
  try {
    writeFileSync(path, bytes);
    return { runs: await loadRuns(root, ({ message }) => faults.push(message)), faults };
  } finally {
    writeFileSync(path, before);
  }
}

const others = (runs: readonly RunRecord[]) => runs.filter(({ directory }) => directory !== join(root, RUN));

describe('records', () => {
  it('are read as they were, or named and not believed, whatever is done to their bytes', async () => {
    const damage = fc.oneof(
      fc.record({ cut: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), byte: fc.integer({ min: 0, max: 255 }) }),
      fc.record({
        text: fc.oneof(fc.json(), fc.constantFrom('', 'null', '[]', '{}', '\uFEFF{}', '{"status":"done"}')),
      }),
      fc.constant({ text: `${'['.repeat(200_000)}${']'.repeat(200_000)}` }),
      fc.constant({ text: `${'{"a":'.repeat(20_000)}0${'}'.repeat(20_000)}` }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...RECORD_FILES), damage, async (file, how) => {
        const whole = readFileSync(join(root, RUN, file));
        let bytes: Uint8Array | string = new Uint8Array(whole);
        if ('text' in how) bytes = how.text;
        else if ('cut' in how) bytes = whole.subarray(0, Math.floor(how.cut * whole.length));
        else (bytes as Uint8Array)[Math.floor(how.at * whole.length)] = how.byte;
        const { runs, faults } = await readWith(file, bytes);
        expect(others(runs)).toEqual(others(sound));
        for (const fault of faults) expect(fault).toContain(join(root, RUN, file));
        const run = runs.find(({ directory }) => directory === join(root, RUN));
        const before = sound.find(({ directory }) => directory === join(root, RUN))!;
        if (faults.length > 0) return;
        // Metrics may end early, as after a kill.
        if (file === METRICS.file) expect(before.epochs).toEqual(expect.arrayContaining([...run!.epochs]));
        else expect(run).toEqual(before);
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it('are refused by their schema, or do no harm, where somebody has sealed other values', async () => {
    const kinds = [CONFIG, ENVIRONMENT, RESULT] as unknown as RecordKind<object>[];
    const exported = join(root, 'exported');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), fc.nat(), fc.jsonValue(), async (kind, place, value) => {
        const record = JSON.parse(readFileSync(join(root, RUN, kind.file), 'utf8')) as Record<string, unknown>;
        delete record['checksum'];
        setAt(record, place, value);
        const { runs, faults } = await readWith(kind.file, encodeLine({ ...kind, schema: ANYTHING }, '', record));
        expect(others(runs)).toEqual(others(sound));
        if (faults.length > 0) return;
        const run = runs.find(({ directory }) => directory === join(root, RUN))!;
        formatTable(runs);
        await exportRun(run, exported);
      }),
      { numRuns: 150 },
    );
    rmSync(exported, { recursive: true, force: true });
  }, 120_000);

  it.each([
    ['experiment', '../../..'],
    ['experiment', '..'],
    ['experiment', 'a/b'],
    ['experiment', 'a\\b'],
    ['experiment', 'a\u0000'],
    ['id', '../../etc/ab'],
  ])('hold no %s that is a path: %j', async (key, value) => {
    const record = JSON.parse(readFileSync(join(root, RUN, CONFIG.file), 'utf8')) as Record<string, unknown>;
    delete record['checksum'];
    const text = encodeLine({ ...CONFIG, schema: ANYTHING } as unknown as RecordKind<object>, '', {
      ...record,
      [key]: value,
    });
    expect(() => decodeRecord(CONFIG, text, 'config.json')).toThrow(
      /config\.json: expected a whole record, got one with/,
    );
  });

  it('are not believed where one value was changed to another that could be', () => {
    const text = readFileSync(join(root, RUN, CONFIG.file), 'utf8');
    expect(decodeRecord(CONFIG, text, 'config.json').seed).toBe(0);
    const edited = text.replace('"seed": 0', '"seed": 1');
    expect(edited).not.toBe(text);
    expect(() => decodeRecord(CONFIG, edited, 'config.json')).toThrow(/config\.json: expected the checksum/);
  });

  it('of another run are not taken as this one’s', async () => {
    for (const file of RECORD_FILES) {
      const { runs, faults } = await readWith(file, readFileSync(join(root, OTHER, file)));
      expect(faults[0]).toMatch(/expected a record of the run 73f3de3f2b63, got one of "de3c2a72e0a7"/);
      expect(others(runs)).toEqual(others(sound));
    }
  });

  it('are not written where they would not be believed', async () => {
    const result = sound.find(({ directory }) => directory === join(root, RUN))!.result as RunDone;
    const diverged = { ...result, validation: { ...result.validation, loss: Number.NaN } };
    await expect(writeRecord(RESULT, root, result.id, diverged)).rejects.toThrow(NumericalError);
    await expect(writeRecord(RESULT, root, result.id, diverged)).rejects.toThrow(
      'result.json: expected finite numbers, got NaN at validation.loss.',
    );
    const misshapen = { ...result, epochs: 'two' as unknown as number };
    await expect(writeRecord(RESULT, root, result.id, misshapen)).rejects.toThrow(CheckpointError);
    await expect(writeRecord(RESULT, root, result.id, misshapen)).rejects.toThrow(/epochs: .*The fault is in mixerzoo/);
  });
});

const ANYTHING = { safeParse: () => ({ success: true }) } as unknown as RecordKind<object>['schema'];

/** Sets one of the values of a tree, by number, in place. */
function setAt(root: Record<string, unknown>, place: number, value: unknown): void {
  const slots: [Record<string, unknown>, string][] = [];
  const collect = (node: Record<string, unknown>) => {
    for (const [key, inner] of Object.entries(node)) {
      slots.push([node, key]);
      if (typeof inner === 'object' && inner !== null) collect(inner as Record<string, unknown>);
    }
  };
  collect(root);
  const [node, key] = slots[place % slots.length]!;
  node[key] = value;
}
