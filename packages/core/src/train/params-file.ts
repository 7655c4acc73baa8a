/**
 * Parameters in a safetensors file: a tensor a parameter, named by its path (`layers.0.mixer.qProj.weight`), which any
 * reader of the format takes. Its metadata say which mixers of which config the parameters are of, since shapes alone do not
 * tell: those of two heads fit four.
 */
import { CheckpointError, ShapeError } from '../errors.js';
import { differsFrom, type Origin, originsOf } from '../origin.js';
import { withoutNumbers } from '../shapes.js';
import * as tf from '../tf.js';
import { disposeTree, flattenTree, type Tree } from '../tree.js';
import { toJson } from './config-identity.js';
import {
  openSafetensors,
  readSafetensors,
  type StoredTensor,
  saveSafetensors,
  writeSafetensors,
} from './safetensors.js';
import { restoreTree, snapshotTree } from './snapshot.js';

/** Metadata: JSON, the {@link Origin}s of the tree's nodes by path. */
const ORIGINS = 'mixerzoo.origins';

/** Whose parameters are loaded: a mixer, a language model, or `{ init }` that puts several together. */
export interface ParameterSource<P extends Tree> {
  /** Called for the structure of what it gives alone: no numbers are drawn where that can be helped. */
  init(seed: number): P;
}

/**
 * Writes parameters to a file (Node.js). It takes its name when it is whole and on the disk.
 * @example await saveParams(params, 'cat.safetensors');
 * @throws CheckpointError if it cannot be written, ShapeError for parameters that are not float32.
 */
export async function saveParams(params: Tree, file: string): Promise<void> {
  const tensors = flattenTree(params).map(([name, leaf]) => ({
    name,
    shape: leaf.shape,
    dtype: 'F32' as const,
    data: async () => (await leaf.data()) as Float32Array,
  }));
  await saveSafetensors(file, tensors, describe('saveParams', params));
}

/**
 * The bytes of such a file, for where there is no file system.
 * @example const url = URL.createObjectURL(new Blob([await encodeParams(params)]));
 * @throws ShapeError for parameters that are not float32.
 */
export async function encodeParams(params: Tree): Promise<Uint8Array<ArrayBuffer>> {
  const metadata = describe('encodeParams', params);
  return writeSafetensors(await snapshotTree(params), metadata) as Uint8Array<ArrayBuffer>;
}

/**
 * Parameters from a file, on the engine in use; the caller owns them.
 * @param source - its path (Node.js), or its bytes, as `fetch(…).arrayBuffer()` gives them.
 * @param of - whose they are. A file that does not say, of another program, is held to names and shapes.
 * @example const params = await loadParams('cat.safetensors', model);
 * @throws CheckpointError, before any tensor is made, for a file that is missing or damaged, holds other tensors, or is of
 *   another mixer or config.
 */
export async function loadParams<P extends Tree>(
  source: string | ArrayBufferLike | ArrayBufferView,
  of: ParameterSource<P>,
): Promise<P> {
  const where = typeof source === 'string' ? source : 'loadParams';
  const { tensors, metadata } = typeof source === 'string' ? await readFile(source) : readSafetensors(source, where);
  const remedy = 'Load it with the mixer or model, and the config, that it was saved of.';
  const like = withoutNumbers(() => of.init(0)) ?? of.init(0);
  try {
    assertOrigins(metadata[ORIGINS], like, where, remedy);
    return restoreTree(tensors, like, where, remedy);
  } finally {
    disposeTree(like);
  }
}

async function readFile(file: string) {
  const reader = await openSafetensors(file);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const name of reader.tensors.keys()) tensors.set(name, await reader.read(name));
    return { tensors, metadata: reader.metadata };
  } finally {
    await reader.close();
  }
}

/** @throws ShapeError for parameters that are not float32. */
function describe(where: string, params: Tree): Record<string, string> {
  const [path, other] = flattenTree(params).find(([, { dtype }]) => dtype !== 'float32') ?? [];
  if (other) throw new ShapeError(`${where}: expected parameters of float32, got ${other.dtype} '${path}'. Cast it.`);
  const origins = originsBelow(params);
  return origins.length === 0 ? {} : { [ORIGINS]: JSON.stringify(toJson(Object.fromEntries(origins))) };
}

/** The nodes of a tree that some `init` made, by path; '' is the root. */
function originsBelow(node: Tree, path = ''): [path: string, made: readonly Origin[]][] {
  const made = originsOf(node);
  const below = Object.entries(node).flatMap(([name, branch]) =>
    branch === undefined || branch instanceof tf.Tensor
      ? []
      : originsBelow(branch, path === '' ? name : `${path}.${name}`),
  );
  return made.length === 0 ? below : [[path, made], ...below];
}

/** @throws CheckpointError for a node that another mixer or config made. */
function assertOrigins(text: string | undefined, like: Tree, where: string, remedy: string): void {
  if (text === undefined) return;
  const stored = parseOrigins(text, where);
  for (const [path, made] of originsBelow(like)) {
    const saved = stored[path] ?? [];
    const expected = toJson(made);
    const differences = expected.map((origin) => differsFrom(saved, origin));
    if (differences.includes(undefined)) continue;
    const at = path === '' ? 'parameters' : `'${path}'`;
    throw new CheckpointError(`${where}: expected ${at} of '${expected[0]?.name}', got ${differences[0]}. ${remedy}`);
  }
}

function parseOrigins(text: string, where: string): Readonly<Record<string, readonly Origin[]>> {
  const isOrigin = (value: unknown): boolean =>
    typeof (value as Origin | null)?.name === 'string' && typeof (value as Origin | null)?.config === 'object';
  try {
    const json = JSON.parse(text) as Readonly<Record<string, readonly Origin[]>>;
    if (Object.values(json).every((made) => Array.isArray(made) && made.every(isOrigin))) return json;
  } catch {} // said below
  throw new CheckpointError(
    `${where}: expected metadata '${ORIGINS}' as saveParams writes them, got '${text.slice(0, 40)}'. Copy the file again.`,
  );
}
