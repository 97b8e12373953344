#!/usr/bin/env bash
# venv.sh DIR LOCKFILE: a Python environment from a hashed lock file. Installs what is missing on a bare Debian first.
set -euo pipefail
dir=$1 lock=$2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/torpor
python=/usr/bin/python3.11
[ -x "$python" ] || python=$(command -v python3.11 || command -v python3 || true)

if ! command -v uv >/dev/null && [ ! -x "$cache/uv-boot/bin/uv" ]; then
  if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    command -v apt-get >/dev/null || { echo "Python 3.11 with venv is needed: install it and run make again" >&2; exit 1; }
    [ "$(id -u)" = 0 ] || { echo "Python 3.11 with venv is needed: run 'apt-get install python3 python3-venv' as root" >&2; exit 1; }
    echo "Installing Debian's Python 3.11 …"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv ca-certificates >/dev/null
    python=/usr/bin/python3.11
  fi
  echo "Installing uv …"
  "$python" -m venv "$cache/uv-boot" && "$cache/uv-boot/bin/python" -m pip install -q --require-hashes -r "$(dirname "$0")/../requirements/uv.txt"
fi
uv=$(command -v uv || echo "$cache/uv-boot/bin/uv")
echo "Making $dir from $lock …"
"$uv" venv -q --clear --python "${python:-3.11}" "$dir"
"$uv" pip sync -q --compile-bytecode --require-hashes --python "$dir/bin/python" "$lock"
touch "$dir/.done"
