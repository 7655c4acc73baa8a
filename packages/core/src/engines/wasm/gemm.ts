/** Sizes of the buffers that `@mixerzoo/core/assembly/gemm` works with, for the host side of a kernel. */

/** Blocks of gemm; the same numbers are in assembly/gemm.ts. */
export const GEMM_BLOCK = { m: 64, k: 256, n: 1024 } as const;

/** Bytes of the row panels of a matrix of m rows and k columns. */
export function packedRowsBytes(m: number, k: number): number {
  return 16 * Math.ceil(m / 4) * k;
}

/** Bytes of the column panels of a matrix of k rows and n columns. */
export function packedColumnsBytes(k: number, n: number): number {
  return 32 * Math.ceil(n / 8) * k;
}

/** Bytes of scratch that one call of `gemm` for [m, k] x [k, n] needs. */
export function gemmScratchBytes(m: number, k: number, n: number): number {
  const depth = Math.min(k, GEMM_BLOCK.k);
  return packedRowsBytes(Math.min(m, GEMM_BLOCK.m), depth) + packedColumnsBytes(depth, Math.min(n, GEMM_BLOCK.n));
}
