/** A file system that fails at one of its calls and at all that follow, as it does for a process that is killed then. */
import { nodeModules } from '../../node-modules.js';

const CHANGES = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'fsyncSync',
  'closeSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'mkdirSync',
] as const;

export class Killed extends Error {}

/** Runs `work`, which fails at the call of this number (from 0). @returns whether there was such a call. */
export async function failAt(number: number, work: () => Promise<unknown>): Promise<boolean> {
  const { fs } = nodeModules();
  const real = new Map(CHANGES.map((name) => [name, fs[name]]));
  let calls = 0;
  for (const [name, call] of real) {
    Object.assign(fs, {
      [name]: (...args: never[]) => {
        if (calls++ < number) return (call as (...all: never[]) => unknown)(...args);
        if (name === 'writeSync' && calls === number + 1) tear(args);
        throw new Killed(`${name} of call ${number}`);
      },
    });
  }
  /** Half of a write may come to the disk. */
  function tear([handle, bytes, offset, length, position]: unknown[]): void {
    const write = real.get('writeSync') as typeof fs.writeSync;
    write(
      handle as number,
      bytes as Uint8Array,
      offset as number,
      Math.floor((length as number) / 2),
      position as number,
    );
  }
  try {
    await work();
    return false;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return true;
  } finally {
    for (const [name, call] of real) Object.assign(fs, { [name]: call });
  }
}
