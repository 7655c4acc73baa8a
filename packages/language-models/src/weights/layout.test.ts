import { describe, expect, it } from 'vitest';
import { pack, type StoredLayout, same, sizeOf, stacked, taps, unpack } from './layout.js';

const counted = ({ shape }: StoredLayout) => Float32Array.from({ length: sizeOf(shape) }, (_, index) => index);

describe('layouts', () => {
  it.each<[string, StoredLayout, number[][]]>([
    ['as it is', same('a', 'a', [2, 2]), [[0, 1, 2, 3]]],
    ['a Linear', stacked('a', 3, [['a', 2]]), [[0, 3, 1, 4, 2, 5]]],
    ['two Linears', stacked('a', 2, [['a', 1], ['b', 2]]), [[0, 1], [2, 4, 3, 5]]], // biome-ignore format: as matrices
    ['a Conv1d', taps('a', 'a', [2, 3]), [[2, 1, 0, 5, 4, 3]]],
  ])('reads %s by place, and writes it back', (_, layout, expected) => {
    const stored = counted(layout);
    const read = layout.places.map((place) => unpack(stored, place));
    expect(read.map((elements) => [...elements])).toEqual(expected);
    const written = new Float32Array(stored.length).fill(-1);
    for (const [index, place] of layout.places.entries()) pack(read[index] as Float32Array, place, written);
    expect(written).toEqual(stored);
  });
});
