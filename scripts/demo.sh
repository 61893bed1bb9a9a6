#!/usr/bin/env bash
# The main job from a fresh clone: installs what is missing, builds, then makes up a shop, ingests it, searches it by
# text and by photo, and asks it questions. Arguments go to `sightline demo` (try --serve).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh
exec ./sightline demo "$@"
