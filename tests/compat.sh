#!/usr/bin/env bash
# Run the tests that need no cluster on the newest ansible-core. All tests run on the oldest, which is in .build/venv.
# tests/compat.sh versions only prints which versions these are.
set -euo pipefail

cd "$(dirname "$0")/.."
oldest=$PWD/.build/venv
versions='import sys, ansible.release
print("ansible-core %s on Python %d.%d.%d" % (ansible.release.__version__, *sys.version_info[:3]))'

if ! python=$(tests/newest_python.sh); then
  echo "oldest and newest: $("$oldest/bin/python" -c "$versions") (a newer one needs Python 3.12 or later)"
  exit
fi

key=$({ cat requirements-dev.txt requirements-newest.txt; "$python" -VV; } | sha256sum | cut -c1-16)
newest=${LAB_CACHE:-$HOME/.cache/miribit-thanos-lab}/venv-$key
if [[ ! -e $newest/complete ]]; then
  echo "compat: installing the Python packages of requirements-dev.txt with requirements-newest.txt" >&2
  rm -rf "$newest"
  "$python" -m venv "$newest"
  "$newest/bin/pip" install --quiet --no-compile --requirement requirements-newest.txt \
    --requirement <(grep -vE '^ansible(-core)?==' requirements-dev.txt)
  touch "$newest/complete"
fi

echo "oldest: $("$oldest/bin/python" -c "$versions")"
echo "newest: $("$newest/bin/python" -c "$versions")"
if [[ ${1:-} == versions ]]; then
  exit
fi

export PATH=$newest/bin:$PATH
# The lab's own code is not Ansible's.
pytest -q -n 2 --ignore=tests/unit/lab tests/unit
pytest -q tests/golden
pytest -q -n 2 tests/package
