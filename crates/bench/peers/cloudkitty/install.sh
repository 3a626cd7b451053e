#!/usr/bin/env bash
# Installs CloudKitty, pinned down to the last digest, into target/cloudkitty. Needs python3 (3.11 or newer) with
# pip; running it needs InfluxDB 1 as well, which is the system's to install (Debian: apt-get install influxdb).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
packages=../../../../target/cloudkitty
rm -rf "$packages" "$packages.part"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$packages.part" \
    --require-hashes --requirement requirements.txt
mv "$packages.part" "$packages"
command -v influxd >/dev/null || echo 'note: there is no influxd yet: apt-get install influxdb (or your system'"'"'s counterpart)' >&2
