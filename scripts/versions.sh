#!/usr/bin/env bash
# The core of the suite on the lowest stated and on the newest versions.
#
#   scripts/versions.sh [lowest] [newest] [python3.12 ...]
#
# Without arguments: lowest and newest on python3.11, and newest on every later python that there is.
# Each gets a virtual environment of its own in a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
lowest=(jax==0.8.0 jaxlib==0.8.0 numpyro==0.21.0 equinox==0.13.2 optax==0.2.5 "numpy==2.1.*"
  "scipy==1.13.*" "pydantic==2.7.*" "rich==13.*" "typer==0.15.*")

run() { # name, python, versions
  local name=$1 python=$2
  shift 2
  echo "== $name: $("$python" --version)"
  "$python" -m venv "$place/$name"
  "$place/$name/bin/pip" install -q -e ".[test]" "$@"
  "$place/$name/bin/pip" list 2>/dev/null | grep -iE '^(jax|jaxlib|numpyro|numpy|scipy|equinox|optax) '
  XDG_CACHE_HOME="$place/cache-$name" "$place/$name/bin/python" -m pytest -q -n 2 -m "core and not long"
}

[ $# -gt 0 ] || set -- lowest newest python3.12 python3.13 python3.14
for which in "$@"; do
  case $which in
    lowest) run lowest python3.11 "${lowest[@]}" ;;
    newest) run newest python3.11 ;;
    *) if "$which" --version >/dev/null 2>&1; then run "$which" "$which"; else echo "== no $which"; fi ;;
  esac
done
