#!/usr/bin/env bash
# test.sh: everything that CI runs, on a machine where nothing is installed. The last line is the sum of the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=operator:runtime:.
py=.venv/dev/bin/python
log=$(mktemp)

# The sum over pytest's own closing lines: "2 failed, 10 passed in 3.1s".
count() { { grep -E ' in [0-9.]+s' "$log" || true; } | { grep -oE "[0-9]+ $1" || true; } | awk '{sum += $1} END {print sum + 0}'; }

end() {
  local code=$? failed
  set +e
  trap - EXIT
  if [ -x "$py" ]; then
    "$py" -m cluster down --tier api || code=1
    "$py" -m cluster down || code=1
  fi
  failed=$(($(count failed) + $(count 'errors?')))
  # A step that is no test may fail as well.
  [ "$code" = 0 ] || [ "$failed" != 0 ] || failed=1
  printf '\n== done (%s s), exit code %s\n%s passed, %s failed\n' "$SECONDS" "$code" "$(count passed)" "$failed"
  rm -f "$log"
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; shift; "$@" 2>&1 | tee -a "$log"; }

step "environments" make venvs
step "check" make check
step "cluster of tier api" "$py" -m cluster up --tier api
step "tests against the API server and Knative's controller" "$py" -m pytest -q tests/api
step "full cluster" "$py" -m cluster up
step "images" "$py" -m cluster images
# The demo installs the operator that the tests talk to.
step "demo" "$py" -m demo
step "tests on the full cluster" "$py" -m pytest -q tests/cluster
