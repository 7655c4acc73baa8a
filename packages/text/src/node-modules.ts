/** Node's own modules, looked up when needed: tokenizers and tasks are bundled for browsers too. */
import { InvalidConfigError } from '@mixerzoo/core/errors';

/** @throws InvalidConfigError in a runtime without a file system. */
export function nodeModules() {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') {
    throw new InvalidConfigError(
      'text: expected Node.js to read and write data, got a runtime without a file system. Tokenizers alone work here.',
    );
  }
  return {
    fs: process.getBuiltinModule('node:fs'),
    path: process.getBuiltinModule('node:path'),
    os: process.getBuiltinModule('node:os'),
    zlib: process.getBuiltinModule('node:zlib'),
    crypto: process.getBuiltinModule('node:crypto'),
  };
}

/** Hex SHA-256. @throws InvalidConfigError as {@link nodeModules}. */
export function sha256(bytes: Uint8Array | string): string {
  return nodeModules().crypto.createHash('sha256').update(bytes).digest('hex');
}
