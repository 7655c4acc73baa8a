/**
 * Kernels under test: what threads, or memory of other content, could make of a call, seen on one thread.
 *
 * - Memory that a kernel allocates comes filled with {@link POISON}: NaN as float32 and float64, -1 as an integer. An output
 *   that still holds it was never written, or was computed from what nothing had written.
 * - `parallel` divides always. Each piece of the units starts from the memory that the call found, so none sees what
 *   another has written, and two that write the same place are an error: on threads they would race.
 */
import { EngineError } from '../../errors.js';
import { formatIndex } from '../../tree.js';

/** Every byte of memory not written yet. */
const POISON = 0xff;
/** The same as a word of four bytes. No computation gives a NaN of these bits from other numbers. */
const POISONED_WORD = -1;
/** Pieces of a call, as many as most kernels have units. */
const PIECES = 8;

/** Memory that a kernel has allocated. */
export interface KernelMemory {
  /** For messages: `output 0 [2, 7, 8]`, `scratch 1 (512 bytes)`. */
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
}

export function poison(memory: WebAssembly.Memory, { at, bytes }: KernelMemory): void {
  new Uint8Array(memory.buffer, at, bytes).fill(POISON);
}

/**
 * @param shape - of the output, float32.
 * @throws EngineError for an element that holds poison.
 */
export function assertWritten(
  where: string,
  memory: WebAssembly.Memory,
  output: KernelMemory,
  shape: readonly number[],
): void {
  const index = wordsOf(memory, output).indexOf(POISONED_WORD);
  if (index < 0) return;
  throw new EngineError(
    `${where}: expected every element of ${output.name} written, got none at ${formatIndex(index, shape)}, or one computed from memory that ` +
      'nothing had written. Write every element, and read no scratch before it is written; units see nothing of each other.',
  );
}

/**
 * Calls `run(start, end)` so that [0, units) is covered once, each piece on the memory as it is now.
 *
 * @param allocated - memory of the kernel; what none of `args` points into is left alone.
 * @throws EngineError where two pieces write the same word.
 */
export function runPieces(
  where: string,
  memory: WebAssembly.Memory,
  allocated: readonly KernelMemory[],
  { units, args, run }: { units: number; args: readonly number[]; run(start: number, end: number): void },
): void {
  const regions = allocated
    .filter(({ at, bytes }) => args.some((address) => address >= at && address < at + bytes))
    .map((region) => {
      const before = wordsOf(memory, region).slice();
      return { region, before, after: before.slice(), writers: new Uint8Array(before.length) };
    });
  const count = Math.min(units, PIECES);
  const bounds = Array.from({ length: count + 1 }, (_, piece) => Math.floor((units * piece) / count));
  const unitsOf = (piece: number) => {
    const [first, last] = [bounds[piece] as number, (bounds[piece + 1] as number) - 1];
    return first === last ? `${first}` : `${first} to ${last}`;
  };
  // Not in the natural order, for what is written outside of these regions.
  for (let piece = count - 1; piece >= 0; piece -= 1) {
    run(bounds[piece] as number, bounds[piece + 1] as number);
    for (const { region, before, after, writers } of regions) {
      const now = wordsOf(memory, region);
      for (let word = 0; word < now.length; word += 1) {
        if (now[word] === before[word]) continue;
        if (writers[word] !== 0) {
          throw new EngineError(
            `${where}: expected units that share no memory, got units ${unitsOf(piece)} and ${unitsOf((writers[word] as number) - 1)} that both write ` +
              `byte ${4 * word} of ${region.name}. Give each unit a place of its own: address it by the unit.`,
          );
        }
        writers[word] = piece + 1;
        after[word] = now[word] as number;
      }
      now.set(before);
    }
  }
  for (const { region, after } of regions) wordsOf(memory, region).set(after);
}

function wordsOf(memory: WebAssembly.Memory, { at, bytes }: KernelMemory): Int32Array {
  return new Int32Array(memory.buffer, at, bytes >> 2);
}
