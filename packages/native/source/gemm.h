/**
 * Matrix products: c[m, n] = from + a[m, k] b[k, n], float32. b is packed into panels; a is read where it is, along its rows or down its
 * columns, so one of its strides is 1.
 *
 * The micro-kernel holds TILE x (2 to 4 vectors) sums in registers (BLIS; van Zee and van de Geijn 2015). Every element sums
 * over k in blocks of DEPTH, in order: results do not depend on how c is cut into pieces.
 */
#pragma once

#include "pool.h"
#include "vector.h"

namespace {

using mixerzoo::Arena;
using mixerzoo::Scratch;

/** Rows of a tile. */
constexpr int TILE = 6;
/** Vectors of a panel, at most: what the registers hold. */
constexpr int WIDEST = REGISTERS == 32 ? 4 : 2;
/** Blocks of the summed axis. */
constexpr long DEPTH = 256;

/** A matrix in memory; strides in elements. */
struct Matrix {
  const float* at;
  long row;
  long column;
  const float* element(long i, long j) const { return at + i * row + j * column; }
  Matrix from(long i, long j) const { return {element(i, j), row, column}; }
};

/** Panels of `vectors` LANES columns of b[k, n], by blocks of `depth` rows; missing columns are 0. */
struct Panels {
  float* at;
  long k;
  long n;
  int vectors;
  long depth;
  /** Rows that were packed: k of them are used. */
  long rows;
  long width() const { return vectors * LANES; }
  long padded() const { return roundUp(n, LANES); }
  long count() const { return ceilDiv(n, width()); }
  /** Columns of a panel, rounded up to vectors. */
  long columns(long panel) const { return least(width(), padded() - panel * width()); }
  /** Rows from `p` on, p a multiple of `depth`. */
  float* panel(long p, long panel) const { return at + p * padded() + panel * width() * least(depth, rows - p); }
  /** The same of the first k rows. */
  Panels upTo(long k) const { return {at, k, n, vectors, depth, rows}; }
  /** The same of the `depth` rows from `p` on, p a multiple of `depth`. */
  Panels block(long p) const {
    const long count = least(depth, rows - p);
    return {at + p * padded(), count, n, vectors, depth, count};
  }
};

/** What a tile starts from: rows `row` apart; 0 repeats one (a bias); at null for zeros. */
struct Start {
  const float* at;
  long row;
  Start from(long i, long j) const { return {at ? at + i * row + j : nullptr, row}; }
};

/**
 * One tile of M x N vectors. Element (r, p) of a lies at a[r step + p], or, of COLUMNS, at a[r + p step].
 * @param last - columns of the last vector.
 */
template <int M, int N, bool COLUMNS>
static void tile(const float* a, long step, const float* b, long k, Start from, float* c, long cRow, long last) {
  Vec sums[M][N];
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      const float* at = from.at + r * from.row + j * LANES;
      sums[r][j] = !from.at ? Vec{} : j == N - 1 && last < LANES ? loadSome(at, last) : load(at);
    }
  }
  for (long p = 0; p < k; ++p) {
    Vec line[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) line[j] = load(b + j * LANES);
    b += N * LANES;
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      const Vec x = splat(COLUMNS ? a[r] : a[r * step]);
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) sums[r][j] += x * line[j];
    }
    a += COLUMNS ? step : 1;
  }
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      float* at = c + r * cRow + j * LANES;
      if (j == N - 1 && last < LANES) storeSome(at, sums[r][j], last);
      else store(at, sums[r][j]);
    }
  }
}

typedef void (*TileFunction)(const float*, long, const float*, long, Start, float*, long, long);

template <int M, bool COLUMNS>
static TileFunction tileOf(int vectors) {
  if (vectors == 1) return tile<M, 1, COLUMNS>;
  if (vectors == 2) return tile<M, 2, COLUMNS>;
  if constexpr (WIDEST == 2) return nullptr;
  else return vectors == 3 ? tile<M, 3, COLUMNS> : tile<M, 4, COLUMNS>;
}

template <bool COLUMNS>
static TileFunction tileOf(long rows, int vectors) {
  switch (rows) {
    case 1: return tileOf<1, COLUMNS>(vectors);
    case 2: return tileOf<2, COLUMNS>(vectors);
    case 3: return tileOf<3, COLUMNS>(vectors);
    case 4: return tileOf<4, COLUMNS>(vectors);
    case 5: return tileOf<5, COLUMNS>(vectors);
    default: return tileOf<TILE, COLUMNS>(vectors);
  }
}

/** A block of four rows of four, transposed. */
INLINE void transposeFour(const float* from, long fromRow, float* to, long toRow) {
  const Four r0 = *reinterpret_cast<const FourAt*>(from);
  const Four r1 = *reinterpret_cast<const FourAt*>(from + fromRow);
  const Four r2 = *reinterpret_cast<const FourAt*>(from + 2 * fromRow);
  const Four r3 = *reinterpret_cast<const FourAt*>(from + 3 * fromRow);
  const Four low01 = SHUFFLE(r0, r1, 0, 4, 1, 5);
  const Four low23 = SHUFFLE(r2, r3, 0, 4, 1, 5);
  const Four high01 = SHUFFLE(r0, r1, 2, 6, 3, 7);
  const Four high23 = SHUFFLE(r2, r3, 2, 6, 3, 7);
  *reinterpret_cast<FourAt*>(to) = SHUFFLE(low01, low23, 0, 1, 4, 5);
  *reinterpret_cast<FourAt*>(to + toRow) = SHUFFLE(low01, low23, 2, 3, 6, 7);
  *reinterpret_cast<FourAt*>(to + 2 * toRow) = SHUFFLE(high01, high23, 0, 1, 4, 5);
  *reinterpret_cast<FourAt*>(to + 3 * toRow) = SHUFFLE(high01, high23, 2, 3, 6, 7);
}

/** to[i, j] = from[j, i] for i < rows and j < columns. */
INLINE void transposed(float* to, long toRow, const float* from, long fromRow, long rows, long columns) {
  long j = 0;
  for (; j + 4 <= columns; j += 4) {
    long i = 0;
    for (; i + 4 <= rows; i += 4) transposeFour(from + j * fromRow + i, fromRow, to + i * toRow + j, toRow);
    for (; i < rows; ++i) {
      for (long r = j; r < j + 4; ++r) to[i * toRow + r] = from[r * fromRow + i];
    }
  }
  for (; j < columns; ++j) {
    for (long i = 0; i < rows; ++i) to[i * toRow + j] = from[j * fromRow + i];
  }
}

/** Fills one panel from b, all of its blocks. */
static void packPanel(const Panels& panels, Matrix b, long panel) {
  const long first = panel * panels.width();
  const long columns = panels.columns(panel);
  const long given = least(columns, panels.n - first);
  for (long p = 0; p < panels.k; p += panels.depth) {
    const long depth = least(panels.depth, panels.k - p);
    float* to = panels.panel(p, panel);
    const Matrix from = b.from(p, first);
    if (given < columns) clear(to, depth * columns);
    if (from.column == 1) {
      for (long i = 0; i < depth; ++i, to += columns) {
        const float* row = from.element(i, 0);
        long j = 0;
        for (; j + LANES <= given; j += LANES) store(to + j, load(row + j));
        for (; j < given; ++j) to[j] = row[j];
      }
      continue;
    }
    long i = 0;
    if (from.row == 1) {
      for (; i + 4 <= depth; i += 4) {
        long j = 0;
        for (; j + 4 <= given; j += 4) transposeFour(from.element(i, j), from.column, to + i * columns + j, columns);
        for (; j < given; ++j) {
          for (long r = 0; r < 4; ++r) to[(i + r) * columns + j] = *from.element(i + r, j);
        }
      }
    }
    for (; i < depth; ++i) {
      for (long j = 0; j < given; ++j) to[i * columns + j] = *from.element(i, j);
    }
  }
}

/** Memory for the panels of b[k, n], to be packed panel by panel. */
INLINE Panels panelsFor(Scratch& scratch, long k, long n, int vectors = WIDEST, long depth = DEPTH) {
  return {scratch.take(static_cast<unsigned long>(k * roundUp(n, LANES))), k, n, vectors, depth, k};
}

static Panels pack(Scratch& scratch, Matrix b, long k, long n, int vectors = WIDEST, long depth = DEPTH) {
  const Panels panels = panelsFor(scratch, k, n, vectors, depth);
  for (long panel = 0; panel < panels.count(); ++panel) packPanel(panels, b, panel);
  return panels;
}

/**
 * c[m, columns of the panels first to last - 1] = start + a b; c is column 0 of the first of them, as is the start.
 */
static void multiply(Matrix a, const Panels& b, long first, long last, Start start, float* c, long cRow, long m) {
  const bool columns = a.column != 1;
  const long step = columns ? a.column : a.row;
  if (b.k == 0) {
    for (long i = 0; i < m; ++i) {
      for (long j = first * b.width(), at = 0; j < least(b.n, last * b.width()); ++j, ++at) {
        c[i * cRow + at] = start.at ? start.at[i * start.row + at] : 0.f;
      }
    }
    return;
  }
  for (long p = 0; p < b.k; p += b.depth) {
    const long depth = least(b.depth, b.k - p);
    for (long panel = first; panel < last; ++panel) {
      const int vectors = static_cast<int>(b.columns(panel) / LANES);
      const long tail = least(LANES, b.n - panel * b.width() - (vectors - 1) * LANES);
      const float* lines = b.panel(p, panel);
      const long at = (panel - first) * b.width();
      for (long i = 0; i < m; i += TILE) {
        const long rows = least(TILE, m - i);
        float* to = c + i * cRow + at;
        const Start from = p > 0 ? Start{to, cRow} : start.from(i, at);
        const TileFunction run = columns ? tileOf<true>(rows, vectors) : tileOf<false>(rows, vectors);
        run(a.element(i, p), step, lines, depth, from, to, cRow, tail);
      }
    }
  }
}

/** c = start + a b, all of it, on this thread. */
static void product(Arena& arena, Matrix a, Matrix b, Start start, float* c, long cRow, long m, long k, long n) {
  Scratch scratch(arena);
  const Panels panels = pack(scratch, b, k, n);
  multiply(a, panels, 0, panels.count(), start, c, cRow, m);
}

}  // namespace
