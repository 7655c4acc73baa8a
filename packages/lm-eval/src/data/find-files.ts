/** Finds the published files of a task below a directory, in the layouts that people have. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { DataSource, EvalTask } from '../task.js';
import { READABLE } from './read-rows.js';

/**
 * The files of a task's split, in order.
 *
 * Below the directory, or in a directory there named after the task or its data set (also as clones and the hub's cache name it):
 * shards of Parquet (`<config>/<split>-00000-of-00001.parquet`, `data/<split>-*.parquet`, `<config>/<split>/0000.parquet`), the
 * originals under their own names, and `<task>.jsonl`, `<task>.parquet`, `<task>.txt`.
 *
 * @param place - a directory, or a file of the task itself.
 * @throws InvalidConfigError that says which file to get.
 */
export function findFiles(task: Pick<EvalTask, 'name' | 'source'>, place: string): readonly string[] {
  const { name, source } = task;
  const found = statSync(place, { throwIfNoEntry: false });
  if (found?.isFile() && READABLE.test(place)) return [place];
  if (found?.isDirectory()) {
    for (const directory of ownDirectories(task, place)) {
      const files = shards(source, directory) ?? single(source.files, directory);
      if (files) return files;
    }
    const named = ['jsonl', 'jsonl.gz', 'parquet', 'txt', 'raw'].map((ending) => `${name}.${ending}`);
    const files = single([...named, ...source.files.filter((file) => !AMBIGUOUS.has(basename(file)))], place);
    if (files) return files;
  }
  throw new InvalidConfigError(
    `${name}: expected its data in ${place}, got ${found ? 'no file of it' : 'no such directory'}. Get ${describe(source)}, ` +
      `and put it into ${join(place, name)}.`,
  );
}

/** Names that more than one data set has: taken in a directory of the task's own alone. */
const AMBIGUOUS = new Set(['dev.jsonl', 'valid.jsonl']);

/** Directories of this task alone. */
function ownDirectories({ name, source }: Pick<EvalTask, 'name' | 'source'>, place: string): string[] {
  const { dataSet } = source;
  const cache = join(place, `datasets--${dataSet.replace('/', '--')}`, 'snapshots');
  const ofTask = basename(place) === name || basename(place) === basename(dataSet) ? [place] : [];
  const named = [name, dataSet, basename(dataSet), dataSet.replace('/', '--')].map((below) => join(place, below));
  return [...ofTask, ...named, ...list(cache).map((commit) => join(cache, commit))];
}

function shards({ config, split }: DataSource, directory: string): readonly string[] | undefined {
  const configs = config === undefined ? ['default', 'plain_text'] : [config];
  for (const below of [...configs, 'data', '.']) {
    for (const [at, pattern] of [
      [join(directory, below), new RegExp(`^${split}-\\d+-of-\\d+\\.parquet$`)],
      [join(directory, below, split), /^\d+\.parquet$/],
      [join(directory, below), new RegExp(`^${split}\\.(parquet|jsonl|jsonl\\.gz)$`)],
    ] as const) {
      const files = list(at).filter((file) => pattern.test(file));
      if (files.length > 0) return complete(files, at);
    }
  }
  return undefined;
}

/** @throws InvalidConfigError where a shard of several is missing. */
function complete(files: readonly string[], directory: string): string[] {
  const total = Number(/-of-(\d+)\.parquet$/.exec(files[0] as string)?.[1] ?? files.length);
  if (files.length !== total) {
    throw new InvalidConfigError(
      `${directory}: expected ${total} files, as their names say, got ${files.length}: ${files.join(', ')}. Get the others.`,
    );
  }
  return files.map((file) => join(directory, file));
}

const single = (names: readonly string[], directory: string): [string] | undefined => {
  const name = names.find((file) => list(join(directory, dirname(file))).includes(basename(file)));
  return name === undefined ? undefined : [join(directory, name)];
};

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

const describe = ({ dataSet, config, split, files }: DataSource) =>
  `the ${split} split of the data set ${dataSet}${config === undefined ? '' : `, configuration ${config}`} (Parquet)` +
  `${files.length > 0 ? ` or ${files[0]}` : ''}`;
