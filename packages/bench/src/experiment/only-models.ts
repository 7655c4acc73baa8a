/** `only`: the models that a config keeps, of its own and of what it extends. */
import { InvalidConfigError } from '@mixerzoo/core';
import { nearestName } from '@mixerzoo/core/errors';
import { isPlain } from './config-text.js';

/**
 * A config whose models are those of some labels.
 * @param only - labels; undefined keeps every model.
 * @param where - `mine.yaml: only`
 * @throws InvalidConfigError for what is no list of labels, and for labels that there are not.
 */
export function keepOnly(config: Record<string, unknown>, only: unknown, where: string): Record<string, unknown> {
  if (only === undefined) return config;
  const models = isPlain(config['models']) ? config['models'] : {};
  const known = Object.keys(models).filter((label) => models[label] !== null);
  if (!Array.isArray(only) || only.length === 0 || only.some((label) => typeof label !== 'string')) {
    throw new InvalidConfigError(
      `${where}: expected a list of labels of models, got ${JSON.stringify(only)}. Labels: ${quoted(known)}.`,
    );
  }
  const labels = only as readonly string[];
  const unknown = labels.filter((label) => !known.includes(label));
  if (unknown.length > 0) throw new InvalidConfigError(`${where}: ${describeUnknown(unknown, known)}`);
  const kept = known.filter((label) => labels.includes(label)).map((label) => [label, models[label]] as const);
  return { ...config, models: Object.fromEntries(kept) };
}

function describeUnknown(labels: readonly string[], known: readonly string[]): string {
  const near = labels.length === 1 ? nearestName(labels[0]!, known) : undefined;
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
  return `expected labels of models, got ${quoted(labels)}.${hint} Labels: ${quoted(known)}.`;
}

/** Labels may hold commas. */
const quoted = (labels: readonly string[]) => labels.map((label) => `'${label}'`).join(', ') || 'none';
