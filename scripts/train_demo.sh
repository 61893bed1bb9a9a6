#!/usr/bin/env bash
# Trains the demo's model (docs/demo-model.md) in a folder, or goes on where it was left.
#   scripts/train_demo.sh RUN [--part encoder|writer|judge] [--minutes M] [--device cuda:0]
#                                    until the curriculum's end or M minutes
#   scripts/train_demo.sh RUN [--part P] --export [DIR]   writes its weights to models/demo/model (of writer and judge:
#                                    models/demo/P), or DIR
# Without --part all lessons are taught to one network; with it, a copy of that (cp -r DIR RUN) goes on with the lessons
# of one part. The encoder and the writer mean a GPU; the judge is an adapter beside a copy of the writer, whose
# weights stay.
# Ctrl-C ends the step at hand and saves. The build is that of scripts/build.sh --cuda: on processors with
# bfloat16 products its torch is several times faster than the distribution's, with or without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
run="${1:?a folder for the run}"
shift
minutes=1000000 device=cpu export= part=
while [ $# -gt 0 ]; do
  case "$1" in
    --minutes) minutes="${2:?}"; shift ;;
    --device) device="${2:?}"; shift ;;
    --part)
      part="${2:?}"
      case "$part" in
        encoder | writer | judge) ;;
        *) echo "train_demo: no part $part: encoder, writer or judge" >&2; exit 2 ;;
      esac
      shift ;;
    --export)
      export=default
      if [ $# -gt 1 ] && [[ "$2" != --* ]]; then export="$2"; shift; fi ;;
    *) echo "train_demo: unknown option $1 (see the head of $0)" >&2; exit 2 ;;
  esac
  shift
done
if [ "$export" = default ]; then
  case "$part" in
    writer | judge) export="models/demo/$part" ;;
    *) export=models/demo/model ;;
  esac
fi

if [ -n "$export" ] && [ ! -f "$run/config.json" ]; then
  echo "train_demo: $run holds no run to export" >&2
  exit 1
fi
scripts/build.sh --cuda sightline-train
train=build/cuda/bin/sightline-train
if [ ! -f "$run/config.json" ]; then
  mkdir -p "$run"
  "$train" text --seed 5 --lines 200000 >"$run/text.txt"
  python3 tools/train/make_checkpoint.py "$run" --text "$run/text.txt" --vocab 1664 --vision-heads 6 --seed 1
fi
rank=0
[ "$part" != judge ] || rank=32
if [ -n "$export" ]; then
  exec "$train" export --run "$run" --adapter-rank "$rank" --out "$export"
fi
# On a GPU a few workers share the card, and the other processors make samples.
workers=$(nproc) makers=0 curriculum=tools/train/curriculum.json
case "$device" in
  cuda*) workers=4 makers=$(($(nproc) > 8 ? $(nproc) - 4 : 4)) curriculum=tools/train/curriculum_gpu.json ;;
esac
# The encoder's passes are large and few: one worker keeps the card busy.
case "$part" in
  encoder) workers=1 curriculum=tools/train/curriculum_encoder.json ;;
  writer) curriculum=tools/train/curriculum_writer.json ;;
  judge) curriculum=tools/train/curriculum_judge.json ;;
esac
# Large blocks come and go with every step: kept, they need not be cleared by the system each time.
export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592
exec "$train" train --run "$run" --curriculum "$curriculum" --adapter-rank "$rank" --dtype bfloat16 \
  --device "$device" --workers "$workers" --makers "$makers" --minutes "$minutes"
