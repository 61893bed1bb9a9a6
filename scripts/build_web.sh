#!/usr/bin/env bash
# Builds the page into web/dist. Does nothing when neither its sources nor its packages changed.
set -euo pipefail
cd "$(dirname "$0")/../web"

fingerprint=$(git ls-files -z --cached --others --exclude-standard . | sort -z | xargs -0 sha256sum | sha256sum)
if [ -f dist/.fingerprint ] && [ "$(cat dist/.fingerprint)" = "$fingerprint" ]; then exit 0; fi
npm ci --no-audit --no-fund --loglevel=error
npm run --silent build
echo "$fingerprint" > dist/.fingerprint
