#!/usr/bin/env bash
# Every test of the default run from a fresh clone: installs what is missing, builds, runs.
#   scripts/test.sh                 all but the labels slow and gpu
#   scripts/test.sh -R index        arguments go to ctest
# Sanitizers: scripts/sanitize.sh. Longer suites: ctest --test-dir build/release -L slow
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh --tests
scripts/test_tools.sh
code=0
ctest --test-dir build/release --output-on-failure --no-tests=error -LE 'slow|gpu' -j 2 "$@" || code=$?
# Once more at the end, where it is read, and without the cases that passed.
if [ "$code" != 0 ] && [ -f build/release/Testing/Temporary/LastTest.log ]; then
  awk '/^\[ RUN      \]/ { said = "" } { said = said $0 "\n" }
       /^\[  FAILED  \] .* ms\)$/ { printf "%s", substr(said, length(said) - 3000) }
       /^\[       OK \]/ { said = "" }' build/release/Testing/Temporary/LastTest.log
fi
exit "$code"
