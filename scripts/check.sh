#!/usr/bin/env bash
# check.sh: what every commit passes. The slow parts run side by side; each prints its output only when it fails.
set -euo pipefail
py=.venv/dev/bin/python
runtime_py=.venv/runtime/bin/python
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
names=() pids=()
step() { local name=$1; shift; names+=("$name"); "$@" >"$out/$name" 2>&1 & pids+=($!); }

step format "$py" -m ruff format --check -q .
step lint "$py" -m ruff check -q .
step imports .venv/dev/bin/lint-imports --no-cache
step generated "$py" -m torpor.cli crds --check crds
step types-operator .venv/dev/bin/pyright --pythonpath "$py" operator
step types-runtime .venv/dev/bin/pyright --pythonpath "$runtime_py" runtime
step unit "$py" -m pytest -q tests/unit
step runtime "$runtime_py" -m pytest -q tests/runtime

failed=0
for i in "${!pids[@]}"; do
  if wait "${pids[$i]}"; then echo "ok    ${names[$i]}$(grep -oE '^[0-9]+ passed.*' "$out/${names[$i]}" | sed 's/^/: /' || true)"
  else failed=1; echo "FAIL  ${names[$i]}"; cat "$out/${names[$i]}"; fi
done
exit "$failed"
