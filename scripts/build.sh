#!/usr/bin/env bash
# Builds Sightline: packages, page, programs. Links ./sightline and its two sister programs at the root.
#   scripts/build.sh                    release build, without tests
#   scripts/build.sh --tests            with tests
#   scripts/build.sh --preset asan      another preset of CMakePresets.json (dev, asan, tsan), with tests
#   scripts/build.sh --cuda [TARGET]    the CUDA build (docs/gpu.md); torch and nvcc come from PyPI
#   scripts/build.sh … -DNAME=VALUE     also sets a variable of CMake's
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
tests=OFF
target=()
settings=()
while [ $# -gt 0 ]; do
  case "$1" in
    --tests) tests=ON ;;
    --preset) preset="${2:?--preset wants a name}"; shift; tests=ON ;;
    --cuda)
      preset=cuda
      case "${2:-}" in ''|-*) ;; *) target=(--target "$2"); shift ;; esac
      ;;
    -D*) settings+=("$1") ;;
    *) echo "build: unknown option $1 (see the head of $0)" >&2; exit 2 ;;
  esac
  shift
done

step="start"
trap 'echo "build: failed while: $step" >&2' ERR

step="installing packages"
lists=(build run)
[ "$tests" = ON ] && lists+=(test)
scripts/setup.sh "${lists[@]}"

if [ "$preset" = release ]; then
  step="building the page (web/)"
  scripts/build_web.sh
fi

# One cache for every checkout: paths below this folder are made relative before they are compared.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

configure=(--preset "$preset" -DSIGHTLINE_BUILD_TESTS="$tests")
if [ "$preset" = cuda ]; then
  step="fetching torch and nvcc (PyPI)"
  # shellcheck source=scripts/cuda_env.sh
  source scripts/cuda_env.sh
  configure+=("${CUDA_CMAKE_ARGS[@]}")
fi
configure+=("${settings[@]}")

step="configuring (cmake --preset $preset)"
if ! cmake "${configure[@]}" >"build-$preset.log" 2>&1; then
  cat "build-$preset.log" >&2
  rm -f "build-$preset.log"
  false
fi
rm -f "build-$preset.log"

step="compiling (build/$preset)"
cmake --build "build/$preset" "${target[@]}"

if [ "$preset" = release ]; then
  for program in sightline sightline-server sightline-media; do
    ln -sfn "build/release/bin/$program" "$program"
  done
fi
