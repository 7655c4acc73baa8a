/**
 * Checkpoints on disk: a directory with the tensors in `model.safetensors` and everything else in `checkpoint.json`,
 * which holds the tensors' SHA-256 and one of itself, so that a part that was damaged or changed is not believed.
 *
 * A process killed at any moment leaves the old checkpoint or the new one, never a mixture: the tensors are first
 * written as `model.safetensors.next`, renaming `checkpoint.json` into place commits them, and only then they take
 * their name. A reader that finds the commit but not the last rename makes up for it.
 */
import * as z from 'zod';
import { parseConfig } from '../config.js';
import { CheckpointError } from '../errors.js';
import { hashConfig } from './config-identity.js';
import { nodeModules, sha256 } from './node-modules.js';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.js';

const CHECKPOINT_FORMAT = 'mixerzoo-checkpoint';
const CHECKPOINT_VERSION = 2;

const SIDECAR = 'checkpoint.json';
const TENSORS = 'model.safetensors';
const PENDING = `${TENSORS}.next`;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** `checkpoint.json`, once its format and version are known. */
const fileSchema = z.strictObject({
  format: z.literal(CHECKPOINT_FORMAT),
  version: z.literal(CHECKPOINT_VERSION),
  /** Of `tensors` and `sidecar` as canonical JSON. */
  sha256: digest,
  tensors: z.strictObject({ file: z.literal(TENSORS), bytes: z.int().positive(), sha256: digest }),
  sidecar: z.record(z.string(), z.unknown()),
});

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
  const content = { tensors: { file: TENSORS, bytes: bytes.length, sha256: sha256(bytes) }, sidecar };
  const json = { format: CHECKPOINT_FORMAT, version: CHECKPOINT_VERSION, sha256: hashConfig(content), ...content };
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

/**
 * True when the directory holds a checkpoint, whole or damaged.
 * @throws CheckpointError if it cannot be told: what may be there must not be written over.
 */
export async function hasCheckpoint(directory: string): Promise<boolean> {
  const { fs, path } = nodeModules();
  const file = path.join(directory, SIDECAR);
  try {
    await fs.access(file);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return false;
    throw unreadable(file, error);
  }
}

/**
 * Reads a checkpoint and verifies it.
 * @param schema of the JSON that its writer added; by default any object.
 * @throws CheckpointError that names the file and says what to do, if there is none, or it is damaged, of another
 *   version or does not fit the schema.
 */
export async function readCheckpoint<S extends Readonly<Record<string, unknown>> = Record<string, unknown>>(
  directory: string,
  schema: z.ZodType<S> = z.record(z.string(), z.unknown()) as z.ZodType as z.ZodType<S>,
): Promise<Checkpoint<S>> {
  const { fs, path } = nodeModules();
  const file = path.join(directory, SIDECAR);
  const read = (name: string) =>
    fs.readFile(path.join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw unreadable(path.join(directory, name), error);
    });
  const remedy = `Delete ${directory} to start afresh, or restore it from a copy.`;

  const text = (await read(SIDECAR))?.toString('utf8');
  if (text === undefined)
    throw new CheckpointError(`${file}: expected a checkpoint, got no such file. Check the directory's name.`);
  const content = parseFile(text, directory, file, remedy);
  const expected = content.tensors.sha256;
  const tensorsFile = path.join(directory, TENSORS);
  const named = await read(TENSORS);
  let bytes = named && sha256(named) === expected ? named : undefined;
  if (!bytes) {
    const pending = await read(PENDING);
    if (pending && sha256(pending) === expected) {
      bytes = pending;
      // Left to the next reader where the directory may only be read.
      await fs.rename(path.join(directory, PENDING), tensorsFile).catch(() => undefined);
    }
  }
  if (!bytes) {
    const received = named ? sha256(named) : 'no such file';
    throw new CheckpointError(`${tensorsFile}: expected sha256 ${expected}, got ${received}. ${remedy}`);
  }
  return {
    tensors: readSafetensors(bytes, tensorsFile).tensors,
    sidecar: parseStored(schema, content.sidecar, file, remedy),
  };
}

function parseFile(text: string, directory: string, file: string, remedy: string): z.output<typeof fileSchema> {
  let json: Partial<Record<string, unknown>> | null;
  let actual: string;
  try {
    json = JSON.parse(text) as typeof json;
    actual = hashConfig({ tensors: json?.tensors, sidecar: json?.sidecar });
  } catch (error) {
    throw new CheckpointError(`${file}: expected JSON, got '${text.slice(0, 40)}'. ${remedy}`, { cause: error });
  }
  if (json?.format !== CHECKPOINT_FORMAT) {
    throw new CheckpointError(
      `${file}: expected format '${CHECKPOINT_FORMAT}', got ${JSON.stringify(json?.format)}. ${remedy}`,
    );
  }
  if (json.version !== CHECKPOINT_VERSION) {
    throw new CheckpointError(
      `${file}: expected version ${CHECKPOINT_VERSION}, got ${JSON.stringify(json.version)}. Use the release that wrote it, or delete ${directory} to start afresh.`,
    );
  }
  if (json.sha256 !== actual) {
    throw new CheckpointError(
      `${file}: expected content of sha256 ${JSON.stringify(json.sha256)}, got ${actual}. It was damaged or changed after it was written. ${remedy}`,
    );
  }
  return parseStored(fileSchema, json, file, remedy);
}

function parseStored<T>(schema: z.ZodType<T>, stored: unknown, file: string, remedy: string): T {
  try {
    return parseConfig(schema, stored, file);
  } catch (error) {
    throw new CheckpointError(`${(error as Error).message} ${remedy}`, { cause: error });
  }
}

/** Written and flushed to the disk before the promise settles; a link of that name is replaced, not followed. */
async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const { fs } = nodeModules();
  await fs.rm(file, { force: true });
  const handle = await fs.open(file, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unreadable(file: string, error: unknown): CheckpointError {
  return new CheckpointError(`${file}: expected to read it, got ${codeOf(error)}. Check its permissions.`, {
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
