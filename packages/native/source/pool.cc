#include "pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace mixerzoo {

namespace {

constexpr size_t kSmallestBlock = 1 << 16;
/** Multiply-adds that are not worth a second thread: some microseconds. */
constexpr double kWorthSharing = 2e5;
/** How long a thread looks for more work before it sleeps: the JavaScript between two calls of a training step takes less. */
constexpr auto kPatience = std::chrono::microseconds(400);
/** Looks, of a fraction of a microsecond each, after which it offers its core to others. */
constexpr unsigned kLooksOfTurn = 8;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Arena::~Arena() {
  for (float* block : blocks_) std::free(block);
}

float* Arena::take(size_t floats) {
  const size_t needed = (floats + 15) & ~size_t{15};
  while (used_ + needed > sizes_[block_]) {
    if (used_ > 0) {
      ++block_;
      used_ = 0;
    }
    if (block_ == kMostBlocks) throw std::bad_alloc();
    if (sizes_[block_] >= needed) break;
    std::free(blocks_[block_]);
    sizes_[block_] = 0;
    const size_t size = needed > kSmallestBlock ? needed : kSmallestBlock;
    blocks_[block_] = static_cast<float*>(std::aligned_alloc(64, 4 * size));
    if (!blocks_[block_]) throw std::bad_alloc();
    sizes_[block_] = size;
  }
  float* taken = blocks_[block_] + used_;
  used_ += needed;
  return taken;
}

/**
 * A job is open while its units last. A thread that comes in time enters it, and the caller waits for those that entered, not
 * for those still asleep.
 */
struct Pool::State {
  static constexpr uint64_t kOpen = uint64_t{1} << 31;

  std::vector<std::thread> threads;
  std::vector<Arena> arenas;
  /** Number of the job in the upper half; whether it is open, and how many are in it. */
  std::atomic<uint64_t> door{0};
  std::atomic<long> next{0};
  long units = 0;
  void (*work)(void*, long, Arena&) = nullptr;
  void* context = nullptr;
  std::atomic<bool> failed{false};

  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<int> asleep{0};
  std::atomic<bool> ending{false};

  explicit State(int count) : arenas(static_cast<size_t>(count)) {}

  static uint32_t jobOf(uint64_t door) { return static_cast<uint32_t>(door >> 32); }

  void take(Arena& arena) {
    for (long unit; (unit = next.fetch_add(1, std::memory_order_relaxed)) < units;) {
      try {
        work(context, unit, arena);
      } catch (...) {
        failed.store(true);
      }
    }
  }

  /** @returns the job that was worked on, or `last` where there is none that is new. */
  uint32_t tryWork(Arena& arena, uint32_t last) {
    uint64_t seen = door.load(std::memory_order_acquire);
    while ((seen & kOpen) && jobOf(seen) != last) {
      if (door.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire)) {
        take(arena);
        door.fetch_sub(1, std::memory_order_release);
        return jobOf(seen);
      }
    }
    return last;
  }

  void loop(Arena& arena) {
    uint32_t last = 0;
    unsigned looks = 0;
    auto since = std::chrono::steady_clock::now();
    while (!ending.load(std::memory_order_relaxed)) {
      const uint32_t done = tryWork(arena, last);
      if (done != last) {
        last = done;
        since = std::chrono::steady_clock::now();
      } else if (std::chrono::steady_clock::now() - since < kPatience) {
        for (int i = 0; i < 8; ++i) pause();
        if (++looks % kLooksOfTurn == 0) std::this_thread::yield(); // to threads of WebAssembly that want this core
      } else {
        std::unique_lock<std::mutex> lock(mutex);
        asleep.fetch_add(1);
        wake.wait(lock, [&] {
          const uint64_t seen = door.load();
          return ending.load() || ((seen & kOpen) && jobOf(seen) != last);
        });
        asleep.fetch_sub(1);
        since = std::chrono::steady_clock::now();
      }
    }
  }
};

Pool::Pool(int threads) : state_(new State(threads > 1 ? threads : 1)) {
  for (int index = 1; index < threads; ++index) {
    Arena* arena = &state_->arenas[static_cast<size_t>(index)];
    state_->threads.emplace_back([state = state_, arena] { state->loop(*arena); });
  }
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->ending.store(true);
  }
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
  delete state_;
}

Arena& Pool::arena() { return state_->arenas[0]; }

void Pool::dispatch(long units, double cost, void (*work)(void*, long, Arena&), void* context) {
  State& state = *state_;
  if (units <= 1 || cost < kWorthSharing || state.threads.empty()) {
    for (long unit = 0; unit < units; ++unit) work(context, unit, state.arenas[0]);
    return;
  }
  state.units = units;
  state.work = work;
  state.context = context;
  state.next.store(0, std::memory_order_relaxed);
  const uint64_t job = (uint64_t{State::jobOf(state.door.load())} + 1) << 32;
  state.door.store((job ? job : uint64_t{1} << 32) | State::kOpen);
  if (state.asleep.load() > 0) {
    std::lock_guard<std::mutex> lock(state.mutex);
    state.wake.notify_all();
  }
  state.take(state.arenas[0]);
  state.door.fetch_and(~State::kOpen);
  while (state.door.load(std::memory_order_acquire) & (State::kOpen - 1)) pause();
  if (state.failed.exchange(false)) throw std::bad_alloc();
}

}  // namespace mixerzoo
