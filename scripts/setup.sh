#!/usr/bin/env bash
# Installs the Debian 12 packages Sightline needs and that are not there yet.
#   scripts/setup.sh build run        to build and run
#   scripts/setup.sh build run test   to run the tests as well
# Each word names a list in scripts/packages/. Works as root, or as a user with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for list in "$@"; do
  while read -r package; do wanted+=("$package"); done < <(grep -v '^#' "scripts/packages/$list.txt")
done

missing=()
for package in "${wanted[@]}"; do
  # A command that is there already, from wherever, is as good as its package.
  case "$package" in
    nodejs) command -v node >/dev/null && continue ;;
    npm) command -v npm >/dev/null && continue ;;
    golang-go) command -v go >/dev/null && continue ;;
  esac
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup: these Debian packages are missing, and neither root nor sudo is at hand: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends "${missing[@]}"
