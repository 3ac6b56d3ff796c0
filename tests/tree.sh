#!/usr/bin/env bash
# Copy the checkout to a place that is named like an installed collection: tests/tree.sh DIRECTORY
# ansible-test refuses any other, and does not follow the link that the rest of the development uses.
# Copied is what git tracks or would track, so that caches and builds stay out.
set -euo pipefail

destination=$1/ansible_collections/miribit/thanos
cd "$(dirname "$0")/.."
rm -rf "$destination"
mkdir -p "$destination"
# A file that is deleted but not yet committed is still listed by git: leave it out.
git ls-files -z --cached --others --exclude-standard \
  | while IFS= read -r -d '' file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done \
  | tar --create --null --files-from=- \
  | tar --extract --directory="$destination"

# A repository of its own: ansible-test would else find the one around it, which ignores all that is built.
git init --quiet "$destination"
