/** How often examples repeat: a task with few different ones gives them again and again, and each says nothing new. */
import type { Examples } from '../task.js';

/** How many of the examples have the inputs of each, itself included, [count]. */
export function countCopies({ count, seqLen, inputs }: Examples): Int32Array {
  const rowOf = (example: number) => inputs.subarray(example * seqLen, (example + 1) * seqLen);
  /** The first examples of each content, by a hash of it. */
  const firsts = new Map<number, number[]>();
  const firstOf = new Int32Array(count);
  const copies = new Int32Array(count);
  for (let example = 0; example < count; example += 1) {
    const row = rowOf(example);
    const key = hashRow(row);
    const candidates = firsts.get(key) ?? [];
    firsts.set(key, candidates);
    let first = candidates.find((other) => rowOf(other).every((token, position) => token === row[position]));
    if (first === undefined) {
      first = example;
      candidates.push(example);
    }
    firstOf[example] = first;
    copies[first] = (copies[first] as number) + 1;
  }
  return copies.map((_, example) => copies[firstOf[example] as number] as number);
}

/** 32-bit FNV-1a, a token at a time. */
function hashRow(row: Int32Array): number {
  let hash = 0x811c9dc5;
  for (const token of row) hash = Math.imul(hash ^ token, 0x01000193);
  return hash;
}
