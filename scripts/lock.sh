#!/usr/bin/env bash
# lock.sh: the hashed lock files, one per extra, without the address of any index.
set -euo pipefail
uv=$(command -v uv || echo "${XDG_CACHE_HOME:-$HOME/.cache}/torpor/uv-boot/bin/uv")
lock() {
  local name=$1; shift
  "$uv" pip compile -q --generate-hashes --python-version 3.11 --custom-compile-command "make lock" "$@" -o "requirements/$name.txt"
}
lock operator pyproject.toml --extra operator
lock runtime pyproject.toml --extra runtime
lock pipelines pyproject.toml --extra pipelines
lock dev pyproject.toml --extra operator --group dev
lock runtime-dev pyproject.toml --extra runtime --group runtime-dev
lock uv - <<<"uv==0.13.9"
