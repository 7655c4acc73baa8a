/**
 * TensorFlow's record files: a frame is the length (uint64), its masked CRC-32C, the data, and theirs; little-endian.
 *
 * Source: tensorflow/core/lib/io/record_writer.h and tensorflow/core/lib/hash/crc32c.h.
 */
import { crc32c } from '@aws-crypto/crc32c';
import { CheckpointError } from '@mixerzoo/core/errors';

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
const MASK_DELTA = 0xa282ead8;

/** A CRC rotated right by 15 bits plus a constant, so that a CRC of data that holds CRCs stays sound. */
export function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** A record file of these records, in order. */
export function encodeRecords(records: readonly Uint8Array[]): Uint8Array {
  const total = records.reduce((sum, { length }) => sum + HEADER_BYTES + length + FOOTER_BYTES, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const record of records) {
    view.setBigUint64(at, BigInt(record.length), true);
    view.setUint32(at + 8, maskedCrc(bytes.subarray(at, at + 8)), true);
    bytes.set(record, at + HEADER_BYTES);
    view.setUint32(at + HEADER_BYTES + record.length, maskedCrc(record), true);
    at += HEADER_BYTES + record.length + FOOTER_BYTES;
  }
  return bytes;
}

/** The records of a record file. @throws CheckpointError if a length or a checksum does not fit. */
export function decodeRecords(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const fail = (what: string): never => {
      throw new CheckpointError(
        `record file: expected a sound ${what} at byte ${at}, got a damaged file. Export the run again.`,
      );
    };
    if (at + HEADER_BYTES > bytes.length) fail('header');
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8))) fail('length');
    const length = Number(view.getBigUint64(at, true));
    const end = at + HEADER_BYTES + length;
    if (end + FOOTER_BYTES > bytes.length) fail('record');
    const record = bytes.subarray(at + HEADER_BYTES, end);
    if (view.getUint32(end, true) !== maskedCrc(record)) fail('record');
    records.push(record);
    at = end + FOOTER_BYTES;
  }
  return records;
}
