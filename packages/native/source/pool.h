/**
 * Threads and their scratch memory. Units of work are handed out one by one, so which thread takes which is left to chance:
 * a unit's result must not depend on it, nor on the number of threads.
 */
#pragma once

#include <cstddef>

namespace mixerzoo {

/** Temporary memory of one thread: taken piece by piece, given back all at once. Aligned to 64 bytes. */
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  ~Arena();
  /** Memory for this many floats, not zeroed. */
  float* take(size_t floats);
  /** Where to go back to with `rewind`. */
  struct Mark {
    int block;
    size_t used;
  };
  Mark mark() const { return {block_, used_}; }
  void rewind(Mark mark) {
    block_ = mark.block;
    used_ = mark.used;
  }

 private:
  static constexpr int kMostBlocks = 48;
  float* blocks_[kMostBlocks] = {};
  size_t sizes_[kMostBlocks] = {};
  int block_ = 0;
  size_t used_ = 0;
};

/** Gives back on leaving what was taken meanwhile. */
class Scratch {
 public:
  explicit Scratch(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~Scratch() { arena_.rewind(mark_); }
  float* take(size_t floats) { return arena_.take(floats); }

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;

  /** Of the calling thread. */
  Arena& arena();

  /**
   * Calls `work(unit, arena)` for every unit in [0, units).
   * @param cost - multiply-adds of all units, about: what costs little stays on the calling thread.
   */
  template <typename Work>
  void run(long units, double cost, Work&& work) {
    struct Adapter {
      static void call(void* context, long unit, Arena& arena) { (*static_cast<Work*>(context))(unit, arena); }
    };
    dispatch(units, cost, &Adapter::call, const_cast<void*>(static_cast<const void*>(&work)));
  }

 private:
  struct State;
  void dispatch(long units, double cost, void (*work)(void*, long, Arena&), void* context);
  State* state_;
};

}  // namespace mixerzoo
