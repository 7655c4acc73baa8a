/** Runs on disk, as `mixerzoo run` leaves them but for the checkpoint, from records made up for a test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG, ENVIRONMENT, encodeLine, METRICS, RESULT, writeRecord } from '../runs/records.js';
import type { MetricRecord, RunEnvironment, RunRecord } from '../runs/results.js';

const ENVIRONMENT_OF_TESTS: RunEnvironment = {
  startedAt: '2026-01-02T03:04:05.000Z',
  versions: { node: '20.19.0' },
  engine: { name: 'wasm', description: 'WebAssembly', details: { threads: 1 } },
  platform: 'linux x64',
  cpu: { model: 'Example CPU', cores: 2, speedGhz: 2.6 },
  memoryBytes: 2 ** 33,
  gpus: [],
  git: null,
  seed: 0,
  workers: 1,
};

/** Makes the directory and writes every record that the run has. */
export async function writeRun(
  directory: string,
  { config, environment = ENVIRONMENT_OF_TESTS, steps, epochs, result }: Omit<RunRecord, 'directory'>,
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await writeRecord(CONFIG, directory, config.id, config);
  await writeRecord(ENVIRONMENT, directory, config.id, environment);
  const lines = [...steps, ...epochs].map((record: MetricRecord) => encodeLine(METRICS, config.id, record));
  writeFileSync(join(directory, METRICS.file), lines.join(''));
  if (result) await writeRecord(RESULT, directory, config.id, result);
}
