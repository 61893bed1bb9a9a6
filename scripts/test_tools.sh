#!/usr/bin/env bash
# Tools of the tests that Debian does not have, under build/test-tools: helm (Go module proxy), the Kubernetes
# schemas and their validator and pyarrow (PyPI), the Node packages of the browser and client tests (npm).
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/build/test-tools"
mkdir -p "$tools"

if [ ! -x "$tools/helm" ]; then
  # The newest helm that Debian 12's Go 1.19 builds.
  GOBIN="$tools" GOFLAGS=-mod=mod go install helm.sh/helm/v3/cmd/helm@v3.12.3
fi
# For the slow test against a real S3 service; takes minutes, and a newer Go than Debian 12's.
if [ "${1:-}" = minio ] && [ ! -x "$tools/minio" ]; then
  GOBIN="$tools" GOFLAGS=-mod=mod CGO_ENABLED=0 \
    go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
fi
python_packages="kubernetes-validate==1.37.0 pillow==11.3.0 pyarrow==26.0.1"
if [ "$(cat "$tools/venv/.installed" 2>/dev/null)" != "$python_packages" ]; then
  python3 -m venv "$tools/venv"
  # shellcheck disable=SC2086  # a list of words
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check $python_packages
  echo "$python_packages" > "$tools/venv/.installed"
fi
for folder in tests/e2e/*/; do
  [ -f "$folder/package-lock.json" ] || continue
  if ! cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed"; then
    (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed)
  fi
done
