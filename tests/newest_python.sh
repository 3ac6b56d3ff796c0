#!/usr/bin/env bash
# Print the newest Python of this machine that runs the ansible-core of requirements-newest.txt. Fail where there is none.
set -euo pipefail

for version in 3.14 3.13 3.12; do
  # On PATH, or of pyenv, whose commands on PATH fail for a version that is not chosen.
  for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    if "$python" -c 'import ensurepip' 2>/dev/null; then
      echo "$python"
      exit
    fi
  done
done
exit 1
