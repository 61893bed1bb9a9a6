#!/usr/bin/env bash
# Builds and runs the suites under a sanitizer: scripts/sanitize.sh asan | tsan [ctest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
preset="${1:?asan or tsan}"
shift
scripts/build.sh --preset "$preset"
# torch, FAISS and OpenBLAS bring OpenMP, which the thread sanitizer does not see into: one thread each.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export ASAN_OPTIONS=detect_leaks=1:detect_odr_violation=0:abort_on_error=1
export LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=suppressions=$PWD/tests/support/tsan.supp:halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1:die_after_fork=0
exec ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -L 'unit|golden' -j 2 "$@"
