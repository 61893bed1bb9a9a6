#!/usr/bin/env bash
# Checks the network on a GPU: the reference data in float32, bfloat16 and float16, and its speed. Two steps, because
# the machine with the GPU need have neither the Debian packages nor a network:
#   scripts/gpu_check.sh pack                 on Debian 12, after scripts/build.sh --cuda --tests: writes
#                                             build/gpu-check.tar.xz (programs, the Debian libraries they need)
#   scripts/gpu_check.sh run [--model DIR]    on the machine with the GPU, in a copy of the working tree with
#                                             build/gpu-check.tar.xz; prints one JSON object
# `run` takes libtorch from the torch of its python3, which must have the version of scripts/cuda_env.sh, and needs
# a C library of 2.36 or newer. --model: another checkpoint for the speed than models/demo. --device: cuda:0 if not
# given; with cpu it shows on any machine that the pack works. A reference set with mixture of experts is used when
# SIGHTLINE_GOLDEN_DIR names one. Exit code 1: a test failed.
set -euo pipefail
cd "$(dirname "$0")/.."
pack=build/gpu-check
programs=(build/cuda/tests/model_network_test build/cuda/bin/sightline-server)

make_pack() {
  rm -rf "$pack"
  mkdir -p "$pack/bin" "$pack/lib"
  # No line info and no symbols: the archive has to travel.
  for program in "${programs[@]}"; do strip -o "$pack/bin/$(basename "$program")" "$program"; done
  grep -oPm1 '(?<=^torch_version=).*' scripts/cuda_env.sh >"$pack/torch_version"
  # Left to the other machine: the C and C++ libraries and, with torch, OpenMP and CUDA.
  ldd "${programs[@]}" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
    grep -v -e /torch/lib/ -e /nvidia/ -e /cuda-toolkit/ |
    grep -v -E '/(ld-linux-x86-64|lib(c|m|dl|rt|pthread|resolv|stdc\+\+|gcc_s|gomp))\.so' |
    while read -r library; do cp -L "$library" "$pack/lib/"; done
  tar -C build -cf - gpu-check | xz -T2 -6 >"$pack.tar.xz"
  du -h "$pack.tar.xz"
}

run_checks() {
  [ -d "$pack" ] || tar -C build -xf "$pack.tar.xz"
  GPU_CHECK_PACK="$pack" exec python3 tools/gpu_check.py "$@"
}

case "${1:-}" in
  pack) make_pack ;;
  run) shift; run_checks "$@" ;;
  *) sed -n '2,12p' "$0" >&2; exit 2 ;;
esac
