/**
 * Writes the records of the fixtures again as a run would, after they were edited by hand or the format has changed:
 * `npx tsx --conditions=@mixerzoo/source packages/bench/src/__fixtures__/seal-runs.ts`. Ids stay as the directories' names.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG, ENVIRONMENT, encodeLine, METRICS, RESULT, type RecordKind, writeRecord } from '../runs/records.js';
import type { MetricRecord } from '../runs/results.js';
import { RUN_FORMAT, type RunConfig } from '../runs/run-config.js';

const EXPERIMENT = join(import.meta.dirname, 'runs', 'quick');

type Json = Record<string, unknown>;

for (const name of readdirSync(EXPERIMENT)) {
  const directory = join(EXPERIMENT, name);
  const id = name.slice(-12);
  for (const kind of [CONFIG, ENVIRONMENT, RESULT] as unknown as RecordKind<Json>[]) {
    if (!readdirSync(directory).includes(kind.file)) continue;
    const { checksum: _, ...record } = JSON.parse(readFileSync(join(directory, kind.file), 'utf8')) as Json;
    if ('format' in record) record['format'] = RUN_FORMAT;
    await writeRecord(kind, directory, id, kind.file === CONFIG.file ? withCode(record) : record);
  }
  const path = join(directory, METRICS.file);
  const lines = readFileSync(path, 'utf8').split('\n');
  const rest = lines.pop(); // nothing, or a line cut short
  const sealed = lines.map((line) => {
    const { checksum: _, ...record } = JSON.parse(line) as MetricRecord & { checksum?: string };
    return encodeLine(METRICS, id, record as MetricRecord);
  });
  writeFileSync(path, `${sealed.join('')}${rest}`);
}

/** Fixtures have numbers that were made up, by no code. */
function withCode(record: Json): Json {
  const { task, layers, code } = record as unknown as RunConfig;
  const from = {
    mqar: '@mixerzoo/tasks',
    cat: '@mixerzoo/cat',
    linCat: '@mixerzoo/cat',
    attention: '@mixerzoo/attention',
  };
  const origin = (part: string) => from[part as keyof typeof from];
  const packages = [...new Set([origin(task.name), ...layers.map(({ mixer }) => origin(mixer))])].sort();
  return {
    ...record,
    task: { name: task.name, from: origin(task.name), config: task.config },
    layers: layers.map(({ mixer, config, block }) => ({ mixer, from: origin(mixer), config, block })),
    code: code ?? Object.fromEntries(packages.map((packageName) => [packageName, '0.0.0 000000000000'])),
  };
}
