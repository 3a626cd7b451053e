#!/usr/bin/env bash
# Installs DuckDB, pinned down to the last digest, into target/duckdb. Needs python3 (3.11 or newer) with pip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
packages=../../../../target/duckdb
rm -rf "$packages" "$packages.part"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$packages.part" \
    --require-hashes --requirement requirements.txt
mv "$packages.part" "$packages"
