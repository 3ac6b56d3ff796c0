#!/usr/bin/env bash
# Check the documentation of the collection and of every plugin and role, and that what it refers to exists.
set -euo pipefail

cd "$(dirname "$0")/.."
build=$PWD/.build/docs

# A copy, so that nothing that git ignores is taken for a part of the collection.
tests/tree.sh "$build"

# References are checked against this collection and those it depends on; one to any other is an error. ("all" would be the
# same, but reads the hundred collections that the Python package "ansible" brings: two and a half minutes.)
# It writes a log into HOME.
mkdir -p .build/home
HOME=$PWD/.build/home exec antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent \
  --disallow-unknown-collection-refs "$build/ansible_collections/miribit/thanos"
