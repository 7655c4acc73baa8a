import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadRuns } from '../runs/read-results.js';
import { decodeEvent, encodeEvent } from './event.js';
import { exportRun } from './export-run.js';
import { decodeRecords, encodeRecords, maskedCrc } from './record-file.js';

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
  ])('are read back: $tag', (event) => {
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });
});

describe('exportRun', () => {
  it('writes every record of a run, the same file each time', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mixerzoo-tensorboard-'));
    try {
      const runs = await loadRuns(fileURLToPath(new URL('../__fixtures__/runs', import.meta.url)));
      const run = runs.find(({ result }) => result?.status === 'done')!;
      const path = await exportRun(run, directory);
      expect(await exportRun(run, directory)).toBe(path);
      const events = decodeRecords(await readFile(path)).map(decodeEvent);
      expect(events[0]).toBeUndefined(); // the file's version
      const of = (tag: string) => events.filter((event) => event?.tag === tag);
      expect(of('train/loss').map((event) => event?.step)).toEqual(run.steps.map(({ step }) => step));
      expect(of('validation/accuracy').map((event) => event?.value)).toEqual(
        run.epochs.map(({ validationAccuracy }) => Math.fround(validationAccuracy)),
      );
      expect(of('test/accuracyByLength').map((event) => event?.step)).toEqual(run.config.testLengths);
      expect(of('config')[0]?.value).toContain(run.config.id);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
