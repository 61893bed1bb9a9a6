#pragma once

#include <cstdint>
#include <span>

namespace sightline::demo_world {

// Numbers that are the same for the same seed on every machine and compiler: splitmix64 (Steele,
// Lea, Flood, "Fast splittable pseudorandom number generators", 2014). Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // 0 to n - 1; n > 0.
  int Below(int n) { return static_cast<int>(Next() % static_cast<uint64_t>(n)); }
  int Between(int low, int high) { return low + Below(high - low + 1); }   // both ends included
  double Real() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }  // [0, 1)
  double Real(double low, double high) { return low + (high - low) * Real(); }
  bool Chance(double p) { return Real() < p; }
  template <typename T>
  const T& Pick(std::span<const T> from) {
    return from[Below(static_cast<int>(from.size()))];
  }
  // A generator of its own for what `name` stands for: drawing more from it leaves this one as is.
  Random Fork(uint64_t name) const {
    return Random(Random(state_ ^ (name * 0xD1342543DE82EF95u)).Next());
  }

 private:
  uint64_t state_;
};

}  // namespace sightline::demo_world
