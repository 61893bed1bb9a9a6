#pragma once

// What device code needs of CUDA, on one thread of the CPU: the threads of a block take turns, each
// running until it waits for the others. For tests of a kernel's logic where there is no GPU; it
// says nothing of its speed, nor of races between waits.

#include <ucontext.h>

#include <bit>
#include <cstdint>
#include <functional>
#include <vector>

#define __device__
#define __global__

struct int4 {
  int x, y, z, w;
};

namespace sightline::testing {

struct Dim {
  unsigned x = 0;
};

// A block's threads as contexts of this one.
class CudaBlock {
 public:
  CudaBlock(int threads, std::function<void()> body) : body_(std::move(body)), fibers_(threads) {
    current_ = this;
    for (size_t i = 0; i < fibers_.size(); ++i) {
      Fiber& fiber = fibers_[i];
      fiber.stack.resize(64 << 10);
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack.data();
      fiber.context.uc_stack.ss_size = fiber.stack.size();
      fiber.context.uc_link = &main_;
      makecontext(&fiber.context, &CudaBlock::Enter, 0);
    }
  }

  void Run() {
    bool running = true;
    while (running) {
      running = false;
      for (active_ = 0; active_ < fibers_.size(); ++active_) {
        if (fibers_[active_].done) continue;
        swapcontext(&main_, &fibers_[active_].context);
        running = running || !fibers_[active_].done;
      }
    }
  }

  static void Wait() {
    CudaBlock& block = *current_;
    swapcontext(&block.fibers_[block.active_].context, &block.main_);
  }
  static Dim Thread() { return {static_cast<unsigned>(current_->active_)}; }

 private:
  struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    bool done = false;
  };

  static void Enter() {
    current_->body_();
    current_->fibers_[current_->active_].done = true;
  }

  static inline CudaBlock* current_ = nullptr;
  const std::function<void()> body_;
  std::vector<Fiber> fibers_;
  ucontext_t main_;
  size_t active_ = 0;
};

inline Dim block_index;
inline Dim grid_size;

// Runs `body` for every thread of `blocks` blocks, one block after the other.
inline void RunGrid(int blocks, int threads, const std::function<void()>& body) {
  grid_size.x = static_cast<unsigned>(blocks);
  for (block_index.x = 0; block_index.x < grid_size.x; ++block_index.x) {
    CudaBlock(threads, body).Run();
  }
}

}  // namespace sightline::testing

#define threadIdx (::sightline::testing::CudaBlock::Thread())
#define blockIdx (::sightline::testing::block_index)
#define gridDim (::sightline::testing::grid_size)

inline void __syncthreads() { sightline::testing::CudaBlock::Wait(); }

template <typename T>
T atomicAdd(T* at, T value) {
  const T before = *at;
  *at += value;
  return before;
}
template <typename T>
T atomicMax(T* at, T value) {
  const T before = *at;
  if (value > before) *at = value;
  return before;
}
template <typename T>
T __ldcs(const T* at) {
  return *at;
}
inline int __dp4a(int a, int b, int sum) {
  for (int shift = 0; shift < 32; shift += 8) {
    sum += static_cast<int8_t>(a >> shift) * static_cast<int8_t>(b >> shift);
  }
  return sum;
}
inline int __popc(int bits) { return std::popcount(static_cast<unsigned>(bits)); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
