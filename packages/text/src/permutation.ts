/**
 * A permutation of [0, size) by a key, one value at a time: nothing is stored, whatever the size.
 *
 * A Feistel network over the smallest square of a power of two that holds `size`, applied again while it leads outside
 * ("cycle walking", Black and Rogaway 2002), under 4 times on average.
 */

const ROUNDS = 8;

/** The image of `index` under the permutation of a key (32 bits). `size` up to 2^40. */
export function permute(index: number, size: number, key: number): number {
  let bits = 1;
  while (4 ** bits < size) bits++;
  const half = 2 ** bits;
  let value = index;
  do {
    let left = Math.floor(value / half);
    let right = value % half;
    for (let round = 0; round < ROUNDS; round++) [left, right] = [right, (left ^ mix(right, key, round)) & (half - 1)];
    value = left * half + right;
  } while (value >= size);
  return value;
}

/** The finish of MurmurHash3 over a value, a key and a round. */
function mix(value: number, key: number, round: number): number {
  let hash = Math.imul(value ^ key, 0xcc9e2d51) ^ Math.imul(round + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  hash = Math.imul(hash ^ Math.imul(key, round + 1), 0x85ebca6b);
  return (hash ^ (hash >>> 15)) >>> 0;
}
