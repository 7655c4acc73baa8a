/** `mixerzoo list mixers|tasks|channel-mixers|norms|models|presets|figures|studies|tables|engines`. */
import { isZooError, type ModelPreset } from '@mixerzoo/core';
import { UnknownNameError } from '@mixerzoo/core/errors';
import { diagnoseEngines } from '@mixerzoo/core/harness';
import * as z from 'zod';
import { describeBudget } from '../experiment/describe-experiment.js';
import { loadExperiment } from '../experiment/experiment-source.js';
import { presetModel } from '../experiment/preset-model.js';
import { type Figure, hasTable, isComputed, isStudy } from '../figures/figure.js';
import { qualifiedName, type Registered, type Registry } from '../plugins.js';
import { formatOptions, listWords } from '../report/format.js';
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
  'channel-mixers': async () => (await findPlugins(process.cwd())).channelMixers.map(describe),
  norms: async () => (await findPlugins(process.cwd())).norms.map(describe),
  models: async () => {
    const registry = await findPlugins(process.cwd());
    return Promise.all(registry.models.map((entry) => describeModel(entry, registry)));
  },
  presets: async () => {
    const registry = await findPlugins(process.cwd());
    return Promise.all(
      registry.presets.map(async (entry) => {
        const { name, packageName } = entry;
        const { experiment } = await loadExperiment({ preset: qualifiedName(entry), assignments: [] }, registry);
        const words = experiment.description.replace(/(?<=[^.?!])$/, '.');
        const summary = [words, describeBudget(experiment)].filter(Boolean).join(' ');
        return { name, summary, package: packageName, models: Object.keys(experiment.models) };
      }),
    );
  },
  figures: async () => (await findPlugins(process.cwd())).figures.map(describeFigure),
  studies: async () =>
    (await findPlugins(process.cwd())).figures.filter(({ part }) => isStudy(part)).map(describeFigure),
  tables: async () =>
    (await findPlugins(process.cwd())).figures.filter(({ part }) => hasTable(part)).map(describeFigure),
  engines: async () =>
    (await diagnoseEngines()).map(({ name, available, message, withoutNative }) => ({
      name,
      summary: withoutNative ? `${message}; without native kernels: ${withoutNative}` : message,
      available,
    })),
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

function describe({ name, packageName, part }: Registered<{ summary: string; schema: z.ZodType }>): Row {
  return { name, summary: part.summary, package: packageName, options: toJsonSchema(part.schema) };
}

/** A model with its parameters, where they are its own, and its training; one of a part that is not installed is not here. */
async function describeModel({ name, packageName, part }: Registered<ModelPreset>, registry: Registry): Promise<Row> {
  const { summary: words, vocabSize, ...about } = part;
  const row = { ...about, ...(vocabSize && { vocabSize }), name, package: packageName };
  const summary = [words, ...describeRecipe(part)].join(' ');
  try {
    const { parameterCount } = await presetModel(part, registry);
    if (vocabSize === undefined) return { ...row, summary };
    const [parameters, tokens] = [parameterCount, vocabSize].map((count) => count.toLocaleString('en'));
    return {
      ...row,
      summary: `${summary} ${parameters} parameters with ${tokens} tokens.`,
      parameters: parameterCount,
    };
  } catch (error) {
    if (!isZooError(error)) throw error;
    return { ...row, summary: `${summary} ${error.message}`, available: false };
  }
}

/** `Learning rates 0.003 and 0.001. Trained with beta2 0.95. From Gu and Dao 2024.` */
function describeRecipe({ learningRates, train, source = {} }: ModelPreset): string[] {
  const from = [...new Set(Object.values(source))];
  return [
    ...(learningRates
      ? [`Learning rate${learningRates.length > 1 ? 's' : ''} ${listWords(learningRates.map(String))}.`]
      : []),
    ...(train ? [`Trained with ${formatOptions(train)}.`] : []),
    ...(from.length > 0 ? [`From ${from.join('; ')}.`] : []),
  ];
}

function describeFigure({ name, packageName, part }: Registered<Figure>): Row {
  return {
    name,
    summary: [part.question, part.caption].filter(Boolean).join(' '),
    package: packageName,
    experiments: isComputed(part) ? [] : part.rows.map(({ experiment }) => experiment.id),
    claims: part.claims.map(({ text }) => text),
  };
}

/** JSON Schema of the options, as typed in a config. */
function toJsonSchema(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}
