/**
 * What can be dropped on the page: a run's folder or its `config.json`, as `mixerzoo run` writes them, weights that the page has saved, and
 * config files. Nothing is sent anywhere.
 */
import type { ExperimentConfig, RunSettings } from '@mixerzoo/bench/plan';
import type { RunSource } from './messages.js';

/** What is shown in place of the page's own models. */
export interface OpenedRun {
  readonly label: string;
  readonly source: RunSource;
  /** What its record says it scored, by length. */
  readonly recorded?: readonly { readonly seqLen: number; readonly accuracy: number }[] | undefined;
}

/** A file, by its path within what was dropped. */
export interface NamedFile {
  readonly path: string;
  readonly file: Blob;
}

const MOST_RUNS = 3;
/** Bytes of the largest file that is read. */
const MOST_BYTES = 256 * 2 ** 20;

/**
 * The runs, or the experiment, in some files; an experiment is text, for the page to read.
 * @throws Error that says what was expected, where nothing of it is there or it is damaged.
 */
export async function openFiles(
  files: readonly NamedFile[],
): Promise<{ readonly runs: readonly OpenedRun[] } | { readonly config: string }> {
  const large = files.find(({ file }) => file.size > MOST_BYTES);
  if (large)
    throw new Error(
      `${large.path}: expected at most ${MOST_BYTES / 2 ** 20} MB, got ${Math.ceil(large.file.size / 2 ** 20)}.`,
    );
  const configs = files.filter(({ path }) => nameOf(path) === 'config.json').slice(0, MOST_RUNS);
  if (configs.length > 0) return { runs: await Promise.all(configs.map((config) => openRun(config, files))) };
  const weights = files.filter(({ path }) => path.endsWith('.safetensors')).slice(0, MOST_RUNS);
  if (weights.length > 0) return { runs: await Promise.all(weights.map(openWeights)) };
  const config = files.find(
    ({ path }) => /\.(ya?ml|json)$/.test(path) && !/^(environment|result|checkpoint)\.json$/.test(nameOf(path)),
  );
  if (config) return { config: await config.file.text() };
  throw new Error(
    `Expected a run's folder or its config.json, weights in a .safetensors file of this page, or a config in YAML, got ${files.map(({ path }) => path).join(', ') || 'nothing'}.`,
  );
}

const nameOf = (path: string) => path.split('/').at(-1)!;
const folderOf = (path: string) => path.slice(0, path.length - nameOf(path).length);

/** A run on record; its weights are those of its checkpoint. */
async function openRun({ path, file }: NamedFile, files: readonly NamedFile[]): Promise<OpenedRun> {
  const beside = (name: string) => files.find((other) => other.path === `${folderOf(path)}${name}`)?.file;
  const { runConfigSchema, resultSchema } = await import('@mixerzoo/bench/records');
  const read = runConfigSchema.safeParse(parseJson(await file.text(), path));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new Error(`${path}: expected the record of a run, got one with ${issue!.path.join('.')}: ${issue!.message}.`);
  }
  const result = beside('result.json');
  const done = result && resultSchema.safeParse(parseJson(await result.text(), `${folderOf(path)}result.json`));
  const recorded = done?.success && done.data.status === 'done' ? done.data.test : undefined;
  const stored = beside('checkpoint/model.safetensors');
  const weights = stored && new Uint8Array(await stored.arrayBuffer());
  return { label: read.data.label, source: { kind: 'record', config: read.data, weights }, recorded };
}

/** Weights that the page has saved: their model is told in the file. */
async function openWeights({ path, file }: NamedFile): Promise<OpenedRun> {
  const weights = new Uint8Array(await file.arrayBuffer());
  const { readSafetensors } = await import('@mixerzoo/core/safetensors');
  const { config } = readSafetensors(weights, path).metadata;
  if (config === undefined) {
    throw new Error(
      `${path}: expected weights that this page has saved, got others. Drop the run's folder, with its config.json.`,
    );
  }
  const label = nameOf(path).replace(/\.safetensors$/, '');
  return { label, source: { kind: 'record', config: parseJson(config, path) as RunSettings, weights } };
}

/** The models of an experiment, each to be trained. */
export function openExperiment(experiment: ExperimentConfig): OpenedRun[] {
  const labels = Object.keys(experiment.models ?? {}).slice(0, MOST_RUNS);
  return labels.map((label) => ({ label, source: { kind: 'experiment', experiment, label } }));
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${where}: expected JSON, got a fault in it: ${(error as Error).message}`);
  }
}

/** The files of a drop, folders walked through. */
export async function droppedFiles({ items }: DataTransfer): Promise<NamedFile[]> {
  // Asked of all before the first wait: the list is empty after it.
  const found = [...items].flatMap((item) => item.webkitGetAsEntry() ?? item.getAsFile() ?? []);
  const files = found.map(async (one) => (one instanceof File ? [{ path: one.name, file: one }] : walk(one, '')));
  return (await Promise.all(files)).flat();
}

async function walk(entry: FileSystemEntry, folder: string): Promise<NamedFile[]> {
  const path = `${folder}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((inner) => walk(inner, `${path}/`)))).flat();
}
