/** Parquet: one column is the text. Read by row groups. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { nodeModules } from '../node-modules.js';
import { decodeUtf8 } from './utf8.js';

/** The text of each row. @throws InvalidConfigError for a file that is none, or has no such column of text. */
export async function* readParquet(path: string, field: string): AsyncGenerator<string> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const { fs } = nodeModules();
  if (!fs.existsSync(path)) throw new InvalidConfigError(`${path}: expected a file, got none.`);
  const handle = await fs.promises.open(path, 'r');
  const { size } = await handle.stat();
  const file = {
    byteLength: size,
    async slice(start: number, end = size): Promise<ArrayBuffer> {
      const bytes = new Uint8Array(end - start);
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) throw new Error(`an end at byte ${start + done} of ${size}`);
        done += bytesRead;
      }
      return bytes.buffer;
    },
  };
  const parsers = { stringFromBytes: (bytes?: Uint8Array) => bytes && decodeUtf8(bytes, path) };
  try {
    const metadata = await parquetMetadataAsync(file);
    const columns = metadata.schema.slice(1).map(({ name }) => name);
    if (!columns.includes(field)) {
      throw new InvalidConfigError(
        `${path}: expected a column '${field}', got ${columns.join(', ')}. Name the column: --field.`,
      );
    }
    let rowStart = 0;
    for (const { num_rows: rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(rows);
      const group = { file, metadata, columns: [field], rowStart, rowEnd, compressors, parsers };
      const objects = await parquetReadObjects(group);
      for (const [index, row] of objects.entries()) {
        const text: unknown = row[field];
        if (typeof text !== 'string') {
          throw new InvalidConfigError(
            `${path}: expected a text in '${field}' of row ${rowStart + index}, got ${text == null ? 'null' : typeof text}. Name another column, --field, or leave such rows out where the file is made.`,
          );
        }
        yield text;
      }
      rowStart = rowEnd;
    }
  } catch (error) {
    if (error instanceof InvalidConfigError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`${path}: expected a whole Parquet file, got '${reason}'.`, { cause: error });
  } finally {
    await handle.close();
  }
}
