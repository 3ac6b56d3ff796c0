#!/usr/bin/env bash
# ansible-test sanity on a copy of the checkout, without containers, with the Python of the virtual environment on PATH.
# Arguments are passed on: tests/sanity.sh --test validate-modules
set -euo pipefail

cd "$(dirname "$0")/.."
build=$PWD/.build/sanity
home=$PWD/.build/home
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')

tests/tree.sh "$build"

# ansible-test makes a virtual environment per test below HOME, and starts pip there without the caller's environment:
# so pip's settings (an index, a proxy, a certificate) must be in a file.
mkdir -p "$home/.config/pip"
python3 - "$home/.config/pip/pip.conf" <<'PYTHON'
import ast, configparser, pathlib, subprocess, sys

listed = subprocess.run(["pip", "config", "list"], capture_output=True, check=True, text=True).stdout
settings = {}
# Later lines win; pip lists its files from the general to the special one, but the environment, which beats them, anywhere.
for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
    name, value = line.split("=", 1)
    section, _, key = name.rpartition(".")
    settings.setdefault("global" if section == ":env:" else section, {})[key] = ast.literal_eval(value)
config = configparser.RawConfigParser()
config.read_dict(settings)
with pathlib.Path(sys.argv[1]).open("w", encoding="utf-8") as file:
    config.write(file)
PYTHON

# ansible-test downloads a script that installs pip into those environments. Python brings a pip along.
mkdir -p "$home/.ansible/test/cache"
echo 'import ensurepip; ensurepip.bootstrap()' > "$home/.ansible/test/cache/get_pip_24_2.py"

cd "$build/ansible_collections/miribit/thanos"
HOME=$home exec ansible-test sanity --color=no --python "$python" "$@"
