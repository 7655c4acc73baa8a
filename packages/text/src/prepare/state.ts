/** What preparing records while it goes on, to be taken up where it was when the process is killed. */
import { parseConfig } from '@mixerzoo/core/config';
import { InvalidConfigError } from '@mixerzoo/core/errors';
import * as z from 'zod';
import { nodeModules } from '../node-modules.js';
import { replaceFile } from '../shards/files.js';
import { readJson, STATE_FILE } from '../shards/index-file.js';
import { writerStateSchema } from '../shards/writer.js';
import { assertUnchanged, type SourceState, sourceStateSchema } from './sources.js';

const stateSchema = z.strictObject({
  version: z.literal(1),
  command: z.string().describe('hash of what was asked for'),
  sources: z.array(sourceStateSchema),
  position: z.strictObject({
    source: z.int().min(0),
    document: z.int().min(0).describe('documents of the source that are done'),
    chars: z.int().min(0).describe('UTF-16 units of the next that are done'),
  }),
  writer: writerStateSchema,
});
export type PrepareState = z.output<typeof stateSchema>;

export function writeState(directory: string, state: PrepareState): void {
  replaceFile(nodeModules().path.join(directory, STATE_FILE), JSON.stringify(state));
}

/**
 * What to go on from: what was recorded in a directory, or a beginning.
 * @throws InvalidConfigError where it was recorded for another command, or files have changed since.
 */
export function takeUp(directory: string, command: string, sources: readonly SourceState[]): PrepareState {
  const { fs, path } = nodeModules();
  const file = path.join(directory, STATE_FILE);
  if (!fs.existsSync(file)) {
    return {
      version: 1,
      command,
      sources: [...sources],
      position: { source: 0, document: 0, chars: 0 },
      writer: { closed: [], open: null },
    };
  }
  const state = parseConfig(stateSchema, readJson(file, `Delete ${directory} to begin anew.`), file);
  if (state.command !== command) {
    throw new InvalidConfigError(
      `${directory}: expected data half made by this command, got those of another. Delete the directory, or give the same files and options.`,
    );
  }
  assertUnchanged(state.sources, directory);
  return state;
}
