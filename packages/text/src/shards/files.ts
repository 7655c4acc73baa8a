/** Files that are there wholly or not at all, whenever the process that writes them is killed. */
import { nodeModules } from '../node-modules.js';

/** Writes beside, to the disk, and renames. */
export function replaceFile(file: string, content: string | Uint8Array): void {
  const { fs, path, crypto } = nodeModules();
  const draft = `${file}.${crypto.randomUUID()}.tmp`;
  const handle = fs.openSync(draft, 'wx');
  try {
    fs.writeFileSync(handle, content);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(draft, file);
  syncDirectory(path.dirname(file));
}

/** Brings the names in a directory to the disk, where the system can. */
export function syncDirectory(directory: string): void {
  if (process.platform !== 'win32') withFile(directory, nodeModules().fs.fsyncSync);
}

/** Hex SHA-256 of a file, read a piece at a time. */
export function hashFile(file: string): string {
  const { fs, crypto } = nodeModules();
  const hash = crypto.createHash('sha256');
  const buffer = Buffer.allocUnsafe(2 ** 20);
  withFile(file, (handle) => {
    for (let read = fs.readSync(handle, buffer); read > 0; read = fs.readSync(handle, buffer)) {
      hash.update(buffer.subarray(0, read));
    }
  });
  return hash.digest('hex');
}

/** Opens a file to read it, and closes it whatever happens. */
export function withFile<T>(file: string, read: (handle: number) => T): T {
  const { fs } = nodeModules();
  const handle = fs.openSync(file, 'r');
  try {
    return read(handle);
  } finally {
    fs.closeSync(handle);
  }
}
