/** Files that a reader finds whole, the old one or the new one, whenever a writer is killed. */
import { rename, writeFile } from 'node:fs/promises';

/** Writes beside and renames. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, content);
  await rename(draft, path);
}

/** JSON, indented for people. */
export function replaceJson(path: string, value: unknown): Promise<void> {
  return replaceFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
