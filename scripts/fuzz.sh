#!/usr/bin/env bash
# Feeds one reader made-up input until it fails or the time is over: scripts/fuzz.sh TARGET [SECONDS, 600]
#   TARGET   json, media_reply, model_config, safetensors, sniff, subtitles, tokenizer_file, tokenizer_text or
#            video_probe (tests/fuzz)
# Inputs that reached new code are kept in build/fuzz/corpus/TARGET, one that failed in build/fuzz/found/.
# Further arguments go to libFuzzer (-help=1 lists them).
set -euo pipefail
cd "$(dirname "$0")/.."
target="${1:?one of tests/fuzz/*_fuzz.cc}"
seconds="${2:-600}"
shift $(($# < 2 ? $# : 2))

scripts/setup.sh build fuzz
cmake -S tests/fuzz -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=None >/dev/null
cmake --build build/fuzz --target "${target}_fuzz"
corpus="build/fuzz/corpus/$target"
mkdir -p "$corpus" build/fuzz/found
python3 tests/fuzz/seeds.py "$target" "build/fuzz/seeds/$target"

case "$target" in
  safetensors | tokenizer_file) longest=32768 ;;
  *) longest=8192 ;;
esac
# Words of the formats, which random bytes would seldom spell.
words=()
[ -f "tests/fuzz/$target.dict" ] && words=("-dict=tests/fuzz/$target.dict")
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
exec "build/fuzz/${target}_fuzz" "-max_total_time=$seconds" "-max_len=$longest" -timeout=20 -rss_limit_mb=2048 \
  -print_final_stats=1 "-artifact_prefix=build/fuzz/found/$target-" "${words[@]}" "$@" "$corpus" "build/fuzz/seeds/$target"
