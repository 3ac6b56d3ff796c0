#!/usr/bin/env bash
# Pin every Python package of the development environment anew: requirements-dev.in -> requirements-dev.txt
set -euo pipefail

cd "$(dirname "$0")/.."
fresh=$(mktemp --directory)
trap 'rm -rf "$fresh"' EXIT

python3 -m venv "$fresh"
"$fresh/bin/pip" install --quiet --requirement requirements-dev.in
{
  echo '# Every Python package of the development environment, pinned.'
  echo '# Made from requirements-dev.in by: make requirements'
  "$fresh/bin/pip" freeze
} > requirements-dev.txt
