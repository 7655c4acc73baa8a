/** Config files as text. */
import { readFile } from 'node:fs/promises';
import { InvalidConfigError } from '@mixerzoo/core';
import { LIMITS } from './limits.js';

/**
 * Reads a config file as text.
 * @throws InvalidConfigError if it is too large, or not UTF-8. Errors of the file system pass.
 */
export async function readConfigText(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (bytes.length > LIMITS.configBytes) {
    throw new InvalidConfigError(
      `${path}: expected a config of at most ${LIMITS.configBytes} bytes, got ${bytes.length}. Is it the right file?`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InvalidConfigError(`${path}: expected text in UTF-8, got another encoding. Save it as UTF-8.`, {
      cause: error,
    });
  }
}
