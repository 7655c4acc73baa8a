/** The bytes of a file in order, decompressed as its name says: `.gz`, `.zst`, else as they are. */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import { nodeModules } from '../node-modules.js';

/** Bytes that are read at a time. */
const CHUNK = 2 ** 18;

/** @throws InvalidConfigError for a file that is not there, damaged or cut off. */
export async function* byteStream(path: string): AsyncGenerator<Uint8Array> {
  const { fs, zlib } = nodeModules();
  const file = fs.createReadStream(path, { highWaterMark: CHUNK });
  try {
    if (path.endsWith('.zst')) yield* decompressZstd(file);
    else if (path.endsWith('.gz')) {
      const gunzip = zlib.createGunzip({ chunkSize: CHUNK });
      file.on('error', (error) => gunzip.destroy(error));
      yield* file.pipe(gunzip) as AsyncIterable<Uint8Array>;
    } else yield* file as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    file.destroy();
  }
}

async function* decompressZstd(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  let ready: Uint8Array[] = [];
  let ended = false;
  const decompress = new Decompress((bytes, final) => {
    ready.push(bytes);
    ended = final === true;
  });
  for await (const chunk of file) {
    decompress.push(chunk);
    yield* ready;
    ready = [];
  }
  decompress.push(new Uint8Array(0), true);
  yield* ready;
  if (!ended) throw new Error('unexpected end of file');
}

function unreadable(path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new InvalidConfigError(`${path}: expected a file, got none.`, { cause: error });
  if (code === 'EISDIR') return new InvalidConfigError(`${path}: expected a file, got a directory.`, { cause: error });
  const kind = path.endsWith('.zst') ? 'zstd' : path.endsWith('.gz') ? 'gzip' : undefined;
  if (kind === undefined || 'syscall' in error) return error;
  return new InvalidConfigError(
    `${path}: expected whole ${kind} data, got '${error.message}'. Is the file cut off? Get it anew.`,
    { cause: error },
  );
}
