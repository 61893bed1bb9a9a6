#!/usr/bin/env bash
# Takes the programs to a machine with a GPU and checks the network there: the reference data in float32, bfloat16
# and float16, and its speed. That machine need have neither the Debian packages nor a network:
#   scripts/gpu_check.sh pack [--programs NAME,NAME]   on Debian 12, after scripts/build.sh --cuda --tests
#   scripts/gpu_check.sh run [--parts tests,scan]      there, in a copy of the working tree with the pack
#   eval "$(scripts/gpu_check.sh env)"                 there: the packed programs by name, sightline-train among them
# `pack` writes build/gpu-check.tar.xz: those of model_network_test, gpu_scan_test, device_scan_bench, sightline-server
# and sightline-train that are built (or are named), the Debian libraries they need and the demo world's fonts. All
# make 33 MiB; where that is too much: --programs model_network_test,sightline-train (20 MiB), and sightline-server by itself (20 MiB).
# `run` prints one JSON object of its parts, those whose programs are packed if none are named. Each part's own is
# in --out DIR (build/gpu-check-results) as soon as there is one. --limit: a part's seconds, 240 if not given.
# --model: another checkpoint for the speed than models/demo. --device: cuda:0 if not given; with cpu it shows on
# any machine that the pack works. A reference set with mixture of experts is used when SIGHTLINE_GOLDEN_DIR names
# one. Exit code 1: a test failed, or a part failed or ran out of time.
# `run` and `env` take libtorch from the torch of python3, which must have the version of scripts/cuda_env.sh, and
# need a C library of 2.36 or newer. After `env` other programs find Debian's libraries first, too: use a subshell.
set -euo pipefail
cd "$(dirname "$0")/.."
pack=build/gpu-check
programs=(build/cuda/tests/model_network_test build/cuda/tests/gpu_scan_test build/cuda/bin/device_scan_bench
          build/cuda/bin/sightline-server build/cuda/bin/sightline-train)
# Used by libvips for pictures in formats that no packed program is given; with what they need they add 7 MB to the
# archive. libvips is bound when it is loaded, so their functions have to be there: they stop the program.
unused=(librsvg-2.so.2 libmatio.so.11 libcfitsio.so.10)
# As in tools/demo_world/letters.cc.
families=("DejaVu Sans" "DejaVu Sans Condensed" "DejaVu Serif" "DejaVu Sans Mono" "WenQuanYi Micro Hei")

libraries() {
  LD_LIBRARY_PATH="$pack/lib" ldd "$pack"/bin/* | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u
}

# Functions by the names of those in library $1 that trap.
pack_stub() {
  nm -D --defined-only "$1" |
    awk '$2 == "T" {sub(/@.*/, "", $3); print ".globl " $3 "\n.type " $3 ", @function\n" $3 ": ud2"}' |
    gcc -shared -nostdlib -Wl,-soname,"$(basename "$1")" -x assembler -o "$pack/lib/$(basename "$1")" -
}

# ICU's data $1 without what is of no use to the packed programs: languages' names and formats, and converters.
pack_icu_data() {
  local name version work
  name=$(basename "$1") version=${1##*.}
  work=$(mktemp -d)
  mkdir "$work/full" "$work/small"
  objcopy -O binary --only-section=.rodata "$1" "$work/full/icudt${version}l.dat"
  icupkg -l "$work/full/icudt${version}l.dat" |
    grep -E '\.cnv$|^(coll|curr|lang|rbnf|region|translit|unit|zone)/|^[^/]*\.res$' |
    grep -vE '^(root|res_index|pool)\.res$' >"$work/left-out.lst"
  icupkg -r "$work/left-out.lst" "$work/full/icudt${version}l.dat" "$work/small/icudt${version}l.dat"
  printf '%s\n' '.section .rodata' '.balign 16' ".globl icudt${version}_dat" ".type icudt${version}_dat, @object" \
    "icudt${version}_dat: .incbin \"$work/small/icudt${version}l.dat\"" \
    ".size icudt${version}_dat, . - icudt${version}_dat" |
    gcc -shared -nostdlib -Wl,-soname,"$name" -x assembler -o "$pack/lib/$name" -
  rm -r "$work"
}

pack_fonts() {
  local family weight found
  mkdir "$pack/fonts"
  for family in "${families[@]}"; do
    for weight in regular bold; do
      found=$(fc-match -f '%{family}\t%{file}' "$family:$weight")
      case ",${found%%$'\t'*}," in
        *",$family,"*) cp "${found##*$'\t'}" "$pack/fonts/" ;;
        *) echo "gpu_check: the font $family is not installed" >&2; exit 1 ;;
      esac
    done
  done
  cat >"$pack/fonts.conf" <<'XML'
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir>/tmp/sightline-fonts</cachedir>
</fontconfig>
XML
}

make_pack() {
  local wanted= program
  case "${1:-}" in
    '') ;;
    --programs) wanted=",${2:?gpu_check: --programs needs names}," ;;
    *) usage ;;
  esac
  rm -rf "$pack"
  mkdir -p "$pack/bin" "$pack/lib"
  # No line info and no symbols: the archive has to travel.
  for program in "${programs[@]}"; do
    case "$wanted" in '' | *",$(basename "$program"),"*) ;; *) continue ;; esac
    if [ -f "$program" ]; then
      strip -o "$pack/bin/$(basename "$program")" "$program"
    elif [ -n "$wanted" ]; then
      echo "gpu_check: $program is not built" >&2
      exit 1
    fi
  done
  [ -n "$(ls "$pack/bin")" ] || { echo "gpu_check: no program to pack" >&2; exit 1; }
  grep -oPm1 '(?<=^torch_version=).*' scripts/cuda_env.sh >"$pack/torch_version"
  libraries >"$pack/libraries"
  # First the libraries that replace Debian's: what only those needed is then not packed.
  for library in $(grep -F "$(printf '/%s\n' "${unused[@]}")" "$pack/libraries"); do pack_stub "$library"; done
  for library in $(grep -F /libicudata.so. "$pack/libraries"); do pack_icu_data "$library"; done
  rm "$pack/libraries"
  # Left to the other machine: the C and C++ libraries and, with torch, OpenMP and CUDA.
  libraries | grep -v -e /torch/lib/ -e /nvidia/ -e /cuda-toolkit/ -e "^$pack/" |
    grep -v -E '/(ld-linux-x86-64|lib(c|m|dl|rt|util|pthread|resolv|stdc\+\+|gcc_s|gomp))\.so' |
    while read -r library; do cp -L "$library" "$pack/lib/"; done
  if [ -f "$pack/bin/sightline-train" ]; then pack_fonts; fi
  # One block: the libraries share code of the same compiler.
  tar -C build --sort=name -cf - gpu-check | xz -T1 --x86 --lzma2=preset=9e,dict=128MiB >"$pack.tar.xz"
  du -h --apparent-size "$pack.tar.xz"
}

# Anew when the archive is another one than before.
unpack() {
  local sum
  [ -f "$pack.tar.xz" ] || return 0
  sum=$(sha256sum <"$pack.tar.xz")
  [ "$(cat "$pack/unpacked" 2>/dev/null)" != "$sum" ] || return 0
  rm -rf "$pack"
  tar -C build -xf "$pack.tar.xz"
  echo "$sum" >"$pack/unpacked"
}

usage() {
  sed -n '2,/^set /{/^set /!p}' "$0" >&2
  exit 2
}

case "${1:-}" in
  pack) shift; make_pack "$@" ;;
  run | env) unpack; GPU_CHECK_PACK="$pack" exec python3 tools/gpu_check.py "$@" ;;
  *) usage ;;
esac
