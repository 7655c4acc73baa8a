/** `mixerzoo export hf`: the model of a run, or weights that were loaded, in a layout of Hugging Face. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FLOAT_DTYPES, type FloatDtype, InvalidConfigError, useEngine } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import type { Tokenizer } from '@mixerzoo/text';
import { type OpenModel, openModel } from '../evaluation/open-model.js';
import { print, printJson } from '../terminal.js';
import { findPlugins } from './find-plugins.js';

export interface ModelFlags {
  readonly out?: readonly string[];
  readonly layout?: readonly string[];
  readonly dtype?: readonly string[];
  readonly config?: readonly string[];
  readonly json?: boolean;
}

/**
 * @param target - a run's directory, or one of weights.
 * @returns the exit code.
 * @throws InvalidConfigError without a target, and for a model that has no place in a layout; as `openModel`.
 */
export async function exportModel(target: string | undefined, flags: ModelFlags): Promise<number> {
  if (target === undefined) {
    throw new InvalidConfigError('export hf: expected the directory of a run, got none. Name one below runs.');
  }
  const dtype = flags.dtype?.at(-1) ?? 'F32';
  if (!isFloatDtype(dtype)) throw new UnknownNameError('dtype', dtype, FLOAT_DTYPES);
  const { exportPretrained } = await import('@mixerzoo/language-models');
  const registry = await findPlugins(process.cwd());
  await useEngine('cpu'); // which holds arrays and computes nothing here
  const open = await openModel(target, registry, flags.config?.at(-1));
  try {
    const out = resolve(flags.out?.at(-1) ?? join(open.directory, 'hf'));
    const tokenizer = await tokenizerOf(open);
    const layout = await exportPretrained(out, open, {
      dtype,
      maxLength: open.trainedLength,
      ...(flags.layout && { layout: flags.layout.at(-1) as string }),
      ...(tokenizer && { tokenizer: tokenizer.json, tokens: { bos: tokenizer.bos, eos: tokenizer.endOfText } }),
    });
    if (flags.json) printJson({ directory: out, layout, dtype });
    else print(`${open.label} exported as ${layout}, ${dtype}: ${out}`);
    return 0;
  } finally {
    open.dispose();
  }
}

/** Undefined of tokens that are of no text, and of weights without a tokenizer beside them. */
async function tokenizerOf({ task, directory, tokenizer }: OpenModel): Promise<Tokenizer | undefined> {
  const isThere = task ? task.name === 'text' : existsSync(join(directory, 'tokenizer.json'));
  return isThere ? tokenizer() : undefined;
}

const isFloatDtype = (name: string): name is FloatDtype => FLOAT_DTYPES.some((known) => known === name);
