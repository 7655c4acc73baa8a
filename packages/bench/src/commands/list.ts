/** `mixerzoo list mixers|tasks|presets|figures|engines`. */
import { diagnoseEngines, UnknownNameError } from '@mixerzoo/core';
import { z } from 'zod';
import { describeBudget } from '../experiment/describe-experiment.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { figures } from '../figures/definitions.js';
import type { Registered } from '../plugins.js';
import { presets } from '../presets/index.js';
import { print, printJson, visibleLine } from '../terminal.js';
import { findPlugins } from './find-plugins.js';

interface Row {
  readonly name: string;
  readonly summary: string;
  readonly [detail: string]: unknown;
}

const LISTS: Record<string, () => Promise<Row[]>> = {
  mixers: async () => (await findPlugins(process.cwd())).mixers.map(describe),
  tasks: async () => (await findPlugins(process.cwd())).tasks.map(describe),
  presets: async () =>
    Promise.all(
      Object.keys(presets).map(async (preset) => {
        const experiment = await loadExperiment({ preset, assignments: [] });
        const summary = `${experiment.description.replace(/(?<![.?!])$/, '.')} ${describeBudget(experiment)}`;
        return { name: preset, summary, models: Object.keys(experiment.models) };
      }),
    ),
  figures: async () =>
    [...figures.values()].map(({ id, caption, rows, claims }) => ({
      name: id,
      summary: caption,
      experiments: rows.map(({ experiment }) => experiment),
      claims: claims.map(({ text }) => text),
    })),
  engines: async () =>
    (await diagnoseEngines()).map(({ name, available, message }) => ({ name, summary: message, available })),
};

/** @returns the exit code. @throws UnknownNameError */
export async function list(what: string, flags: { json?: boolean }): Promise<number> {
  const find = Object.hasOwn(LISTS, what) ? LISTS[what] : undefined;
  if (!find) throw new UnknownNameError('list', what, Object.keys(LISTS));
  const rows = await find();
  if (flags.json) printJson(rows);
  else {
    const names = rows.map(({ name }) => visibleLine(name));
    const width = Math.max(...names.map((name) => name.length));
    for (const [index, row] of rows.entries()) {
      const mark = row['available'] === false ? '  (not here)' : '';
      const from = row['package'] ? `  [${row['package']}]` : '';
      print(visibleLine(`${names[index]!.padEnd(width)}  ${row.summary}${mark}${from}`));
    }
  }
  return 0;
}

function describe({ name, packageName, factory }: Registered<{ summary: string; schema: z.ZodType }>): Row {
  return { name, summary: factory.summary, package: packageName, options: toJsonSchema(factory.schema) };
}

/** JSON Schema of the options, as typed in a config. */
function toJsonSchema(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}
