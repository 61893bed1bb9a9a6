#!/usr/bin/env bash
# Every test of the default run from a fresh clone: installs what is missing, builds, runs.
#   scripts/test.sh                 all but the labels slow and gpu
#   scripts/test.sh -R index        arguments go to ctest
# Sanitizers: scripts/sanitize.sh. Longer suites: ctest --test-dir build/release -L slow
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh --tests
scripts/test_tools.sh
exec ctest --test-dir build/release --output-on-failure --no-tests=error -LE 'slow|gpu' -j 2 "$@"
