/** Node's own modules, looked up when needed: this package is bundled for browsers too. */
import { CheckpointError } from '../errors.js';

/** @throws CheckpointError in a runtime without a file system. */
export function nodeModules() {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') {
    throw new CheckpointError(
      'checkpoint: expected Node.js, got a runtime without a file system. Save parameters with writeSafetensors instead.',
    );
  }
  return {
    fs: process.getBuiltinModule('node:fs/promises'),
    path: process.getBuiltinModule('node:path'),
    crypto: process.getBuiltinModule('node:crypto'),
  };
}

/** Hex SHA-256. @throws CheckpointError as {@link nodeModules}. */
export function sha256(bytes: Uint8Array | string): string {
  return nodeModules().crypto.createHash('sha256').update(bytes).digest('hex');
}
