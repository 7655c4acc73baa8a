/** Files that a reader finds whole, the old one or the new one, whenever a writer is killed. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes beside, to the disk, and renames. What stands at the path is replaced, a link too, and never written through: the
 * name beside is one that nobody can guess, and is made anew.
 * @param content whole, or in pieces that are made one after the other.
 */
export async function replaceFile(path: string, content: string | Uint8Array | Iterable<string>): Promise<void> {
  const draft = `${path}.${randomUUID()}.tmp`;
  const file = await open(draft, 'wx');
  try {
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) await file.writeFile(content);
      else for (const part of inParts(content)) await file.writeFile(part); // each where the one before has ended
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Characters that are written at a time, or more. */
const PART = 2 ** 20;

function* inParts(pieces: Iterable<string>): Iterable<string> {
  let part: string[] = [];
  let length = 0;
  for (const piece of pieces) {
    part.push(piece);
    length += piece.length;
    if (length < PART) continue;
    yield part.join('');
    [part, length] = [[], 0];
  }
  yield part.join('');
}

/** True for the name beside of a file that a killed writer has left half made. */
export function isDraft(name: string): boolean {
  return /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name);
}

/** JSON, indented for people. */
export const jsonText = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** As {@link replaceFile}, of {@link jsonText}. */
export function replaceJson(path: string, value: unknown): Promise<void> {
  return replaceFile(path, jsonText(value));
}
