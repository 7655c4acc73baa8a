/**
 * Names that users give and that become names of directories: of experiments, and of the models in them. Letters and
 * digits of every script are kept, in Unicode's composed form (NFC).
 */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { InvalidConfigError } from '@mixerzoo/core';
import { nameFault } from './name-fault.js';

/** Leaves room for what else the directory of a run is named after. */
const LONGEST_SLUG = 100;

/**
 * The name of an experiment after its config file: `实验.config.ts` is `实验`.
 * @throws InvalidConfigError where nothing is left that can name a directory.
 */
export function nameFromFile(file: string): string {
  const [stem = ''] = basename(file).split(/\.config\.|\.[^.]+$/);
  const name = stem
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}_]+|\.+$/gu, '');
  const fault = nameFault(name);
  if (fault === undefined) return name;
  throw new InvalidConfigError(
    `${file}: ${fault}, got '${name}'. Give the experiment another: \`name: my-experiment\`.`,
  );
}

/** A label as part of a directory's name: lower case, every run of other signs a `-`; `model` where nothing is left. */
export function slug(label: string): string {
  const words = label
    .normalize('NFC')
    .toLowerCase()
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '-');
  return cutToBytes(words, LONGEST_SLUG).replace(/^-|-$/g, '') || 'model';
}

/** The whole code points of a text that fit into so many bytes of UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  const buffer = new Uint8Array(bytes);
  return text.slice(0, new TextEncoder().encodeInto(text, buffer).read);
}

/** Equal for two names that some file system takes for one: they differ in case or composition alone. */
export function foldName(name: string): string {
  return name.normalize('NFD').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

/**
 * Refuses a name that would share its directory with another on a file system that ignores case, or on any file system
 * after the runs were copied there and back.
 * @throws InvalidConfigError
 */
export async function assertNameIsFree(out: string, name: string): Promise<void> {
  const there = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  const twin = there.find((other) => other.normalize('NFC') !== name && foldName(other) === foldName(name));
  if (twin === undefined) return;
  throw new InvalidConfigError(
    `name: expected one that differs from '${twin}' in ${out} by more than case, got '${name}'. ` +
      'Choose another, or another directory with --out.',
  );
}
