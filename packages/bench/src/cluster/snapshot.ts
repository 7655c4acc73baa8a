/**
 * An experiment as it is when it is submitted, in the directory of its runs: what waits in a queue is not changed by later edits. Data
 * is written as data; a config with mixers or tasks of its own is copied with the files it imports, in their places to one another.
 */
import { existsSync, realpathSync } from 'node:fs';
import { copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import * as z from 'zod';
import { createCodeReader } from '../experiment/code.js';
import type { LoadedExperiment } from '../experiment/experiment-source.js';
import { isPlainData } from '../experiment/plain-data.js';
import { readIfThere } from '../runs/records.js';
import { replaceJson } from '../runs/replace-file.js';

/** Beside the runs of an experiment. */
export const SUBMISSION = 'submission';
const ABOUT = 'submission.json';

const aboutSchema = z.object({ source: z.string() });

/**
 * Writes the snapshot in place of an earlier one.
 * @param source what the report is said to be of: the file or preset that was submitted.
 * @returns the config file to run.
 * @throws InvalidConfigError where own code cannot be copied.
 */
export async function takeSnapshot(
  place: string,
  { experiment, files }: LoadedExperiment,
  source: string,
): Promise<string> {
  const directory = join(place, SUBMISSION);
  await rm(join(directory, 'code'), { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await replaceJson(join(directory, ABOUT), { source });
  if (isPlainData(experiment)) {
    const file = join(directory, 'experiment.json');
    await replaceJson(file, experiment);
    return file;
  }
  return copyCode(join(directory, 'code'), files);
}

/** The config and what of its imports is the user's own, with their packages within reach. */
async function copyCode(directory: string, files: readonly string[]): Promise<string> {
  const configs = files.map((file) => realpathSync(file));
  const reader = await createCodeReader(configs);
  const own = [...new Set([...configs, ...reader.reach(configs)])].filter((file) => !isOfPackages(file, configs));
  const root = commonDirectory(own);
  for (const file of own) {
    const target = join(directory, relative(root, file));
    await mkdir(dirname(target), { recursive: true });
    await copyFile(file, target);
  }
  const [modules, manifest] = ['node_modules', 'package.json'].map((name) => nearest(dirname(configs[0]!), name));
  if (modules !== undefined) await symlink(modules, join(directory, 'node_modules'));
  if (manifest !== undefined && !existsSync(join(directory, 'package.json'))) {
    await copyFile(manifest, join(directory, 'package.json'));
  }
  return join(directory, relative(root, configs[0]!));
}

/** Installed, or a package of its own beside the config's. */
function isOfPackages(file: string, configs: readonly string[]): boolean {
  if (file.split(sep).includes('node_modules')) return true;
  const home = nearest(dirname(configs[0]!), 'package.json');
  return nearest(dirname(file), 'package.json') !== home;
}

function nearest(directory: string, name: string): string | undefined {
  const path = join(directory, name);
  if (existsSync(path)) return path;
  return dirname(directory) === directory ? undefined : nearest(dirname(directory), name);
}

function commonDirectory(files: readonly string[]): string {
  const parts = files.map((file) => dirname(file).split(sep));
  const [first] = parts as [string[]];
  const count = first.findIndex((part, index) => parts.some((other) => other[index] !== part));
  const common = (count < 0 ? first : first.slice(0, count)).join(sep);
  if (common !== '') return common;
  throw new InvalidConfigError(`submit: expected a config and its imports on one disk, got ${files.join(', ')}.`);
}

/** What a config file was taken from where it is a snapshot; undefined for any other file. */
export async function snapshotSource(file: string): Promise<string | undefined> {
  for (const directory of [dirname(file), dirname(dirname(file))]) {
    const text = await readIfThere(join(directory, ABOUT));
    if (text === undefined) continue;
    try {
      return aboutSchema.parse(JSON.parse(text)).source;
    } catch {
      return undefined; // no JSON of ours
    }
  }
  return undefined;
}
