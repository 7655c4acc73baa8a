/**
 * Checkpoints on disk: a directory with the tensors in `model.safetensors` and everything else in `checkpoint.json`,
 * which names the tensors' SHA-256.
 *
 * A process killed at any moment leaves the old checkpoint or the new one, never a mixture: the tensors are first
 * written as `model.safetensors.next`, renaming `checkpoint.json` into place commits them, and only then they take
 * their name. A reader that finds the commit but not the last rename makes up for it.
 */
import { CheckpointError } from '../errors.js';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.js';

const CHECKPOINT_FORMAT = 'mixerzoo-checkpoint';
const CHECKPOINT_VERSION = 1;

const SIDECAR = 'checkpoint.json';
const TENSORS = 'model.safetensors';
const PENDING = `${TENSORS}.next`;

/** What a checkpoint holds. S is the JSON its writer adds. */
export interface Checkpoint<S extends Readonly<Record<string, unknown>>> {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly sidecar: S;
}

/**
 * Writes a checkpoint in place of the one the directory may hold; makes the directory.
 * @throws CheckpointError if it cannot be written.
 */
export async function writeCheckpoint<S extends Readonly<Record<string, unknown>>>(
  directory: string,
  { tensors, sidecar }: Checkpoint<S>,
): Promise<void> {
  const { fs, path } = nodeModules();
  const bytes = writeSafetensors(tensors, { format: CHECKPOINT_FORMAT });
  const json = {
    format: CHECKPOINT_FORMAT,
    version: CHECKPOINT_VERSION,
    tensors: { file: TENSORS, bytes: bytes.length, sha256: sha256(bytes) },
    ...sidecar,
  };
  try {
    await fs.mkdir(directory, { recursive: true });
    await writeDurably(path.join(directory, PENDING), bytes);
    const pendingSidecar = path.join(directory, `${SIDECAR}.next`);
    await writeDurably(pendingSidecar, new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`));
    await fs.rename(pendingSidecar, path.join(directory, SIDECAR));
    await fs.rename(path.join(directory, PENDING), path.join(directory, TENSORS));
  } catch (error) {
    throw new CheckpointError(
      `checkpoint ${directory}: expected to write it, got ${codeOf(error)}. Choose a directory with room that you may write to; a checkpoint already there is unharmed.`,
      { cause: error },
    );
  }
}

/** True when the directory holds a checkpoint, whole or damaged. */
export async function hasCheckpoint(directory: string): Promise<boolean> {
  const { fs, path } = nodeModules();
  return fs.access(path.join(directory, SIDECAR)).then(
    () => true,
    () => false,
  );
}

/**
 * Reads a checkpoint and verifies it.
 * @throws CheckpointError that names the file and says what to do, if there is none, or it is damaged or of a later
 *   version.
 */
export async function readCheckpoint<S extends Readonly<Record<string, unknown>>>(
  directory: string,
): Promise<Checkpoint<S>> {
  const { fs, path } = nodeModules();
  const file = path.join(directory, SIDECAR);
  const read = (name: string) =>
    fs.readFile(path.join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new CheckpointError(
        `${path.join(directory, name)}: expected to read it, got ${codeOf(error)}. Check its permissions.`,
        {
          cause: error,
        },
      );
    });
  const remedy = `Delete ${directory} to start afresh, or restore it from a copy.`;

  const text = (await read(SIDECAR))?.toString('utf8');
  if (text === undefined)
    throw new CheckpointError(`${file}: expected a checkpoint, got no such file. Check the directory's name.`);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new CheckpointError(`${file}: expected JSON, got '${text.slice(0, 40)}'. ${remedy}`, { cause: error });
  }
  const { format, version, tensors: stored, ...sidecar } = json ?? {};
  if (format !== CHECKPOINT_FORMAT) {
    throw new CheckpointError(
      `${file}: expected format '${CHECKPOINT_FORMAT}', got ${JSON.stringify(format)}. ${remedy}`,
    );
  }
  if (version !== CHECKPOINT_VERSION) {
    throw new CheckpointError(
      `${file}: expected version ${CHECKPOINT_VERSION}, got ${JSON.stringify(version)}. Use the release that wrote it, or delete ${directory} to start afresh.`,
    );
  }
  const expected = (stored as { sha256?: unknown } | undefined)?.sha256;
  const tensorsFile = path.join(directory, TENSORS);
  const named = await read(TENSORS);
  let bytes = named && sha256(named) === expected ? named : undefined;
  if (!bytes) {
    const pending = await read(PENDING);
    if (pending && sha256(pending) === expected) {
      bytes = pending;
      await fs.rename(path.join(directory, PENDING), tensorsFile).catch(() => undefined);
    }
  }
  if (!bytes) {
    const received = named ? sha256(named) : 'no such file';
    throw new CheckpointError(`${tensorsFile}: expected sha256 ${String(expected)}, got ${received}. ${remedy}`);
  }
  return { tensors: readSafetensors(bytes, tensorsFile).tensors, sidecar: sidecar as unknown as S };
}

/** Hex SHA-256. */
export function sha256(bytes: Uint8Array | string): string {
  return nodeModules().crypto.createHash('sha256').update(bytes).digest('hex');
}

/** Written and flushed to the disk before the promise settles. */
async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await nodeModules().fs.open(file, 'w');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Looked up when needed: this package is bundled for browsers too. */
function nodeModules() {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') {
    throw new CheckpointError(
      'checkpoint: expected Node.js, got a runtime without a file system. Save parameters with writeSafetensors instead.',
    );
  }
  return {
    fs: process.getBuiltinModule('node:fs/promises'),
    path: process.getBuiltinModule('node:path'),
    crypto: process.getBuiltinModule('node:crypto'),
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
