#pragma once

#include <cstdio>
#include <cstdlib>

// Ends the program, which the fuzzer reports together with its input, unless `condition` holds.
#define FUZZ_REQUIRE(condition)                                                    \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
