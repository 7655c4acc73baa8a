/**
 * Safetensors files on a disk, a tensor at a time: a header is read whole, arrays where they lie, when they are asked
 * for. Models that are split have `model.safetensors.index.json` beside their shards (`weight_map`: tensor -> file).
 *
 * A dtype is judged when its tensor is read, so one that nobody wants does no harm.
 */
import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { nodeModules } from './node-modules.js';
import type { StoredTensor } from './safetensors.js';
import { FLOAT_BYTES, type FloatDtype, floatBytes, readerOf } from './safetensors-dtypes.js';
import { quoted, type TensorEntry } from './safetensors-header.js';
import {
  assertElements,
  damaged,
  elementCount,
  formatHeader,
  headerBytesOf,
  locateTensors,
  SIZE_BYTES,
  unwritable,
} from './safetensors-layout.js';

const WHOLE = 'model.safetensors';
const INDEX = `${WHOLE}.index.json`;

/** What a header says of a tensor. */
export interface TensorInfo {
  /** `F32`, `BF16`, …, as the format names them. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Path of the file it lies in. */
  readonly file: string;
}

/** An open file, or the shards of a model. */
export interface SafetensorsReader {
  /** By name; shards one after another, each in the order of its data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Of all files, the first one's words before the others'. */
  readonly metadata: Readonly<Record<string, string>>;
  /** A copy of one tensor. @throws CheckpointError for an unknown name or a dtype that is not supported. */
  read(name: string): Promise<StoredTensor>;
  /** Closes the files. */
  close(): Promise<void>;
}

/** A file that is open, and where its arrays lie. */
interface Shard {
  readonly file: string;
  readonly handle: FileHandle;
  readonly dataStart: number;
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Opens a file, the shards that an index names, or the model of a directory: `model.safetensors`, or the shards of
 * `model.safetensors.index.json`. Memory is bounded by the headers and the largest tensor.
 * @throws CheckpointError that names the file and says what to do, if one is missing or damaged.
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const { named, files } = await filesOf(path);
  const shards: Shard[] = [];
  try {
    for (const file of files) shards.push(await openShard(file));
    return createReader(shards, path, named);
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

function createReader(
  shards: readonly Shard[],
  path: string,
  named: ReadonlyMap<string, string> | undefined,
): SafetensorsReader {
  const places = new Map<string, { shard: Shard; entry: TensorEntry }>();
  for (const shard of shards) {
    for (const entry of shard.entries) {
      if (named && named.get(entry.name) !== shard.file) {
        throw unlike(path, entry.name, named.get(entry.name) ?? 'no file', `it in ${shard.file}`);
      }
      places.set(entry.name, { shard, entry });
    }
  }
  for (const [name, file] of named ?? []) if (!places.has(name)) throw unlike(path, name, file, 'none');
  return {
    tensors: new Map(
      [...places].map(
        ([
          name,
          {
            shard,
            entry: { dtype, shape },
          },
        ]) => [name, { dtype, shape, file: shard.file }],
      ),
    ),
    metadata: Object.assign({}, ...shards.map(({ metadata }) => metadata).reverse()),
    async read(name) {
      const place = places.get(name);
      if (!place) {
        throw new CheckpointError(
          `${path}: expected a tensor ${quoted(name)}, got none of that name. Look at the reader's \`tensors\`.`,
        );
      }
      const { shard, entry } = place;
      const fail = damaged(shard.file);
      const reader = readerOf(entry, shard.file, fail);
      const bytes = await readRange(shard, shard.dataStart + entry.start, entry.end - entry.start);
      return { shape: entry.shape, data: reader.read(bytes.buffer) };
    },
    close: () => closeAll(shards),
  };
}

function unlike(path: string, name: string, file: string, received: string): CheckpointError {
  return new CheckpointError(
    `${path}: expected tensor ${quoted(name)} in ${file}, got ${received}. The index and its files are not of one model; copy them again.`,
  );
}

/** The files to open and, if there is an index, the file that each tensor should lie in. */
async function filesOf(given: string): Promise<{ files: readonly string[]; named?: ReadonlyMap<string, string> }> {
  const { fs, path } = nodeModules();
  const stats = await fs.stat(given).catch((error) => refuse(given, error));
  if (!stats.isDirectory()) return given.endsWith('.json') ? readIndex(given) : { files: [given] };
  const names = await fs.readdir(given).catch((error) => refuse(given, error));
  if (names.includes(WHOLE)) return { files: [path.join(given, WHOLE)] };
  if (names.includes(INDEX)) return readIndex(path.join(given, INDEX));
  const pickled = names.find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  const hint = pickled
    ? `${pickled} is pickled, which can run code: convert it with the library safetensors, where it was made`
    : "Check the directory's name, or give a file of another name itself";
  throw new CheckpointError(`${given}: expected ${WHOLE} or ${INDEX}, got neither. ${hint}.`);
}

async function readIndex(file: string) {
  const { fs, path } = nodeModules();
  const fail = (expected: string, received: string, cause?: unknown): never => {
    throw new CheckpointError(`${file}: expected ${expected}, got ${received}. Copy the index again.`, { cause });
  };
  const text = await fs.readFile(file, 'utf8').catch((error) => refuse(file, error));
  let index: { weight_map?: unknown } | null;
  try {
    index = JSON.parse(text) as typeof index;
  } catch (error) {
    return fail('JSON', `'${text.slice(0, 40)}'`, error);
  }
  const map = index?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return fail('a weight_map', JSON.stringify(map));
  const named = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || path.basename(shard) !== shard || shard === '..') {
      return fail(`a file beside the index for ${quoted(name)}`, JSON.stringify(shard));
    }
    named.set(name, path.join(path.dirname(file), shard));
  }
  if (named.size === 0) fail('a weight_map with tensors', 'none');
  return { files: [...new Set(named.values())].sort(), named };
}

async function openShard(file: string): Promise<Shard> {
  const { fs } = nodeModules();
  const handle = await fs.open(file, 'r').catch((error) => refuse(file, error));
  try {
    const { size } = await handle.stat();
    const fail = damaged(file);
    const read = (position: number, length: number) => readRange({ file, handle }, position, length);
    const headerBytes = headerBytesOf(await read(0, Math.min(SIZE_BYTES, size)), size, fail);
    const dataStart = SIZE_BYTES + headerBytes;
    const header = locateTensors(await read(SIZE_BYTES, headerBytes), size - dataStart, fail);
    return { file, handle, dataStart, ...header };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readRange({ file, handle }: Pick<Shard, 'file' | 'handle'>, position: number, length: number) {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 2 ** 30), position + done);
    if (bytesRead === 0) damaged(file)(`${length} bytes from ${position} on`, `${done}`);
    done += bytesRead;
  }
  return bytes;
}

async function closeAll(shards: readonly Shard[]): Promise<void> {
  await Promise.all(shards.map(({ handle }) => handle.close()));
}

/** A tensor of floats that is to be written; its elements are asked for when its turn comes. */
export interface FloatTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Rounded to it, to nearest, ties to even. */
  readonly dtype: FloatDtype;
  data(): Promise<Float32Array>;
}

/**
 * Writes a file tensor by tensor, so that memory holds one at a time. It takes its name when it is whole and on the disk.
 * @throws CheckpointError if it cannot be written, a shape does not fit its elements, or a finite element is beyond the
 *   range of its dtype; a file of that name is unharmed then.
 */
export async function saveSafetensors(
  file: string,
  tensors: readonly FloatTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { fs } = nodeModules();
  const planned = tensors.map((tensor) => {
    return { ...tensor, byteLength: elementCount(tensor.shape) * FLOAT_BYTES[tensor.dtype] };
  });
  const header = formatHeader(planned, metadata, file);
  const next = `${file}.next`;
  try {
    await fs.rm(next, { force: true });
    const handle = await fs.open(next, 'wx');
    try {
      await handle.writeFile(header);
      for (const { name, shape, dtype, data } of tensors) {
        const fail = unwritable(file, name);
        const elements = await data();
        assertElements(shape, elements.length, fail);
        await handle.writeFile(floatBytes(elements, dtype, fail));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(next, file);
  } catch (error) {
    await fs.rm(next, { force: true }).catch(() => undefined);
    if (error instanceof CheckpointError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw code === undefined
      ? error
      : new CheckpointError(
          `${file}: expected to write it, got ${code}. Choose a directory with room that you may write to.`,
          { cause: error },
        );
  }
}

function refuse(file: string, error: NodeJS.ErrnoException): never {
  const got = error.code === 'ENOENT' ? 'no such file' : (error.code ?? String(error));
  throw new CheckpointError(`${file}: expected to read it, got ${got}. Check its name and permissions.`, {
    cause: error,
  });
}
