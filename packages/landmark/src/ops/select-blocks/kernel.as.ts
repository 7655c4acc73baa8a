/** Hard retrieval: landmarks are scored one by one and the best kept, so that no [L, M] tensor exists. */
import { dot } from '@mixerzoo/core/assembly/vector';

/** Queries of a unit of work. */
const TILE: i32 = 64;

/** Units of work in `rows` rows of `seqLen` queries. */
export function selectUnits(rows: i32, seqLen: i32): i32 {
  return rows * ((seqLen + TILE - 1) / TILE);
}

/**
 * The `topK` best blocks of each query, of equals the first; -1 where there are fewer. Query t sees the blocks that ended before
 * the block of the token `offset + t`. Scratch: `topK` floats a unit, the scores of what is kept.
 */
export function selectBlocks(
  q: usize, landmarks: usize, blocks: usize, scratch: usize,
  seqLen: i32, nBlocks: i32, p: i32, blockSize: i32, topK: i32, offset: i32, start: i32, end: i32,
): void {
  const bytes = <usize>p << 2;
  const tiles = (seqLen + TILE - 1) / TILE;
  for (let unit = start; unit < end; unit++) {
    const row = unit / tiles;
    const scores = scratch + (<usize>(unit * topK) << 2);
    const marks = landmarks + <usize>(row * nBlocks) * bytes;
    const first = (unit % tiles) * TILE;
    for (let t = first; t < min(seqLen, first + TILE); t++) {
      const query = q + <usize>(row * seqLen + t) * bytes;
      const best = blocks + (<usize>((row * seqLen + t) * topK) << 2);
      const visible = min(nBlocks, (offset + t) / blockSize);
      let kept = 0;
      for (let m = 0; m < visible; m++) {
        const score = dot(query, marks + <usize>m * bytes, p);
        if (kept == topK && !(score > load<f32>(scores + (<usize>(topK - 1) << 2)))) continue;
        let place = kept < topK ? kept++ : topK - 1;
        for (; place > 0 && score > load<f32>(scores + (<usize>(place - 1) << 2)); place--) {
          store<f32>(scores + (<usize>place << 2), load<f32>(scores + (<usize>(place - 1) << 2)));
          store<i32>(best + (<usize>place << 2), load<i32>(best + (<usize>(place - 1) << 2)));
        }
        store<f32>(scores + (<usize>place << 2), score);
        store<i32>(best + (<usize>place << 2), m);
      }
      for (; kept < topK; kept++) store<i32>(best + (<usize>kept << 2), -1);
    }
  }
}
