import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exportRuns } from '../commands/export.js';
import { loadRuns } from '../runs/read-results.js';
import type { RunRecord } from '../runs/results.js';
import { decodeEvent, encodeEvent } from './event.js';
import { exportExperiment, exportRun } from './export-run.js';
import { hyperParameters } from './hparams.js';
import { decodeRecords, encodeRecords, maskedCrc } from './record-file.js';

const FIXTURES = fileURLToPath(new URL('../__fixtures__/runs', import.meta.url));

const bytes = (text: string) => new TextEncoder().encode(text);

describe('record files', () => {
  it('mask the CRC-32C as TensorFlow does', () => {
    // RFC 3720, B.4: 32 zero bytes have the CRC-32C 0x8a9136aa.
    const crc = 0x8a9136aa;
    expect(maskedCrc(new Uint8Array(32))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });

  it('hold the bytes of a file that TensorFlow wrote', () => {
    // The first record of every event file: length 0x18, then the masked CRC of the length.
    const [header] = [encodeRecords([new Uint8Array(0x18)]).subarray(0, 12)];
    expect(Buffer.from(header!).toString('hex')).toBe('1800000000000000a37f4b22');
  });

  it('are read back, and refused where they are damaged', () => {
    const file = encodeRecords([bytes('one'), bytes(''), bytes('three')]);
    expect(decodeRecords(file).map((record) => new TextDecoder().decode(record))).toEqual(['one', '', 'three']);
    const damaged = file.slice();
    damaged[13]! ^= 1;
    expect(() => decodeRecords(damaged)).toThrow(/sound record at byte 0/);
    expect(() => decodeRecords(file.slice(0, -1))).toThrow(/sound record at byte/);
  });
});

describe('events', () => {
  it.each([
    { wallTime: 1.5e9, step: 300, tag: 'train/loss', value: 0.5 },
    { wallTime: 0, step: 0, tag: 'config', value: 'a: 1\nb: ä' },
    { wallTime: 0, step: 0, tag: '_hparams_/experiment', value: Uint8Array.of(8, 0) },
  ])('are read back: $tag', (event) => {
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });

  it('take a number beyond float32 for infinite', () => {
    const event = { wallTime: 0, step: 0, tag: 'train/loss', value: -1e39 };
    expect(decodeEvent(encodeEvent(event))).toEqual({ ...event, value: -Infinity });
  });
});

/** A message of protocol buffers by field number: numbers, texts of UTF-8 or, where `nested` has the field, messages. */
type Nested = { readonly [field: number]: Nested };
// biome-ignore lint/suspicious/noExplicitAny: what a field holds depends on its number
type Message = Record<number, any[]>;
function decode(bytes: Uint8Array, nested: Nested): Message {
  const reader = new BinaryReader(bytes);
  const found: Message = {};
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const below = nested[field];
    const value =
      wireType === WireType.Bit64
        ? reader.double()
        : wireType === WireType.Varint
          ? reader.int32()
          : below
            ? decode(reader.bytes(), below)
            : reader.string();
    found[field] = [...(found[field] ?? []), value];
  }
  return found;
}

describe('exports', () => {
  let directory: string;
  let runs: RunRecord[];
  let run: RunRecord;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mixerzoo-tensorboard-'));
    runs = await loadRuns(FIXTURES);
    run = runs.find(({ result }) => result?.status === 'done')!;
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(directory, { recursive: true });
  });
  const eventsOf = async (path: string) => decodeRecords(await readFile(path)).flatMap((one) => decodeEvent(one) ?? []);
  const seconds = (iso: string) => Date.parse(iso) / 1000;

  it('write every record of a run, the same file each time', async () => {
    const path = await exportRun(run, directory);
    expect(await exportRun(run, directory)).toBe(path);
    const events = await eventsOf(path);
    const of = (tag: string) => events.filter((event) => event.tag === tag);
    expect(decodeEvent(decodeRecords(await readFile(path))[0]!)).toBeUndefined(); // the file's version
    expect(of('train/loss').map((event) => event.step)).toEqual(run.steps.map(({ step }) => step));
    expect(of('validation/accuracy').map((event) => event.value)).toEqual(
      run.epochs.map(({ validationAccuracy }) => Math.fround(validationAccuracy)),
    );
    expect(of('test/accuracyByLength').map((event) => event.step)).toEqual(run.config.testLengths);
    const test = run.result?.status === 'done' ? run.result.test.find(({ seqLen }) => seqLen === 64) : undefined;
    expect(of('test/accuracy').map((event) => event.value)).toEqual([Math.fround(test!.accuracy)]);
    expect(of('config')[0]?.value).toContain(run.config.id);
  });

  it('hold one event file of ours for a run, however often it was resumed', async () => {
    const earlier = `events.out.tfevents.1790000000.mixerzoo.${run.config.id}`;
    await writeFile(join(directory, earlier), 'of an earlier version');
    await writeFile(join(directory, 'events.out.tfevents.1790000000.host'), "another program's");
    const environment = { ...run.environment!, startedAt: '2026-11-01T00:00:00.000Z' };
    await exportRun({ ...run, environment, epochs: run.epochs.slice(0, 3), result: undefined }, directory);
    const path = await exportRun(
      { ...run, environment: { ...environment, startedAt: '2026-11-02T00:00:00.000Z' } },
      directory,
    );
    expect((await readdir(directory)).sort()).toEqual(['events.out.tfevents.1790000000.host', basename(path)].sort());
    expect((await eventsOf(path)).filter(({ tag }) => tag === 'train/loss')).toHaveLength(run.steps.length);
  });

  it('date the points of a run that was resumed a day later by when they were measured', async () => {
    const [monday, tuesday] = [seconds('2026-11-02T10:00:00Z'), seconds('2026-11-03T10:00:00Z')];
    const half = run.epochs.length / 2;
    const total = (index: number) => run.epochs[index]?.totalSeconds ?? 0;
    const ends = run.epochs.map((_, index) =>
      index < half ? monday + total(index) : tuesday + total(index) - total(half - 1),
    );
    const iso = (time: number) => new Date(1000 * time).toISOString();
    const resumed: RunRecord = {
      ...run,
      environment: { ...run.environment!, startedAt: iso(tuesday) },
      epochs: run.epochs.map((epoch, index) => ({ ...epoch, finishedAt: iso(ends[index]!) })),
      result: { ...run.result!, finishedAt: iso(ends.at(-1)! + 60) },
    };
    const events = await eventsOf(await exportRun(resumed, directory));
    const times = events.map(({ wallTime }) => wallTime);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeCloseTo(monday, 2);
    expect(times.at(-1)).toBeCloseTo(ends.at(-1)! + 60, 2);
    const of = (tag: string) => events.filter((event) => event.tag === tag).map(({ wallTime }) => wallTime);
    for (const [index, time] of of('validation/loss').entries()) expect(time).toBeCloseTo(ends[index]!, 2);
    const trained = of('train/loss');
    for (const [index, { epoch }] of run.steps.entries()) {
      expect(trained[index]).toBeLessThanOrEqual(ends[epoch - 1]! + 1e-3);
      expect(trained[index]).toBeGreaterThan(epoch === half + 1 ? tuesday : (ends[epoch - 2] ?? monday));
    }
  });

  it('date no point after the end of a run that was resumed at its very end, nor of one that is partial', async () => {
    const environment = { ...run.environment!, startedAt: run.result!.finishedAt };
    const latest = async (one: RunRecord) =>
      Math.max(...(await eventsOf(await exportRun(one, directory))).map(({ wallTime }) => wallTime));
    expect(await latest({ ...run, environment })).toBeCloseTo(seconds(run.result!.finishedAt), 2);
    expect(await latest({ ...run, environment, result: undefined })).toBeCloseTo(
      seconds(run.epochs.at(-1)!.finishedAt),
      2,
    );
  });

  it('tell the tab HPARAMS the hyperparameters of a run, and how it ended', async () => {
    const failed = runs.find(({ result }) => result?.status === 'failed')!;
    const sessionOf = async (one: RunRecord) => {
      const events = await eventsOf(await exportRun(one, join(directory, one.config.id)));
      const content = (tag: string) => events.find((event) => event.tag === tag)!.value as Uint8Array;
      const [start] = decode(content('_hparams_/session_start_info'), { 3: { 1: { 2: {} } } })[3] as Message[];
      const [end] = decode(content('_hparams_/session_end_info'), { 4: {} })[4] as Message[];
      return { start: start!, end: end! };
    };
    const { start, end } = await sessionOf(run);
    expect(end).toEqual({ 1: [1], 2: [seconds(run.result!.finishedAt)] }); // SUCCESS
    expect((await sessionOf(failed)).end[1]).toEqual([2]); // FAILURE
    expect(start[5]![0]).toBeLessThan(seconds(run.result!.finishedAt));
    const parameters = Object.fromEntries(
      start[1]!.map(({ 1: [name], 2: [value] }) => [name, (value[2] ?? value[3] ?? value[4])[0]]),
    );
    expect(parameters).toMatchObject({
      label: run.config.label,
      mixers: run.config.layers[0]!.mixer,
      learningRate: 0.01,
      seed: 0,
      task: 'mqar',
      'task.seqLen': 64,
      'train.batchSize': run.config.train.batchSize,
      'train.freshExamples': 1,
    });
  });

  it('take a norm with options for its name', () => {
    const norm = { name: 'rmsNorm', from: '@mixerzoo/core', config: { dModel: 64, eps: 1e-5 } };
    const parameters = hyperParameters({ ...run.config, model: { ...run.config.model, norm } });
    expect(parameters.get('model.norm')).toBe('rmsNorm');
  });

  it('tell the tab HPARAMS what runs vary, and its metrics', async () => {
    const [event] = await eventsOf(await exportExperiment(runs, directory));
    expect(event!.tag).toBe('_hparams_/experiment');
    const nested = { 2: { 4: { 5: { 1: {} }, 6: {} }, 5: { 1: {} } } };
    const [experiment] = decode(event!.value as Uint8Array, nested)[2] as Message[];
    const infos = new Map(experiment![4]!.map((info) => [info[1][0], info]));
    expect(infos.get('learningRate')).toMatchObject({ 4: [3], 6: [{ 1: [0.01], 2: [1_000_000] }], 7: [1] });
    expect(infos.get('task')).toMatchObject({ 4: [1], 5: [{ 1: [{ 3: ['mqar'] }] }], 7: [0] });
    expect(infos.get('train.freshExamples')).toMatchObject({ 4: [2], 5: [{ 1: [{ 4: [1] }] }], 7: [0] });
    expect(experiment![5]!.map((metric) => [metric[1][0][2][0], metric[3][0]])).toEqual([
      ['validation/accuracy', 'validation accuracy'],
      ['test/accuracy', 'test accuracy'],
    ]);
  });

  it('keep runs of one experiment in two directories apart', async () => {
    for (const parent of ['a', 'b']) await cp(FIXTURES, join(directory, 'runs', parent), { recursive: true });
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const [from, out] = [join(directory, 'runs'), join(directory, 'out')];
    for (let time = 0; time < 2; time++)
      expect(await exportRuns('tensorboard', from, { out: [out], json: true })).toBe(0);
    const files = (await readdir(out, { recursive: true })).filter((path) => path.includes('tfevents')).sort();
    expect(files).toHaveLength(2 * runs.length + 1);
    expect(new Set(files.map((path) => path.split(sep)[0]))).toEqual(
      new Set(['a', 'b', 'events.out.tfevents.mixerzoo.experiment']),
    );
    await exportRuns('tensorboard', run.directory, { out: [join(directory, 'one')], json: true });
    expect((await readdir(join(directory, 'one'))).sort()).toEqual(
      [basename(run.directory), 'events.out.tfevents.mixerzoo.experiment'].sort(),
    );
  });
});
