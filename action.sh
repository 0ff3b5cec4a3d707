#!/usr/bin/env bash
# Copyright The Panoply Authors.
# SPDX-License-Identifier: Apache-2.0

# What action.yml runs. It looks once, and writes what it found three times: as JSON, as
# SARIF, and as the summary of the run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${RUNNER_TEMP:?}" "${GITHUB_OUTPUT:?}" "${GITHUB_STEP_SUMMARY:?}"

case "$PANOPLY_COMMAND" in
audit | scan) ;;
*)
  echo "::error::command is neither audit nor scan"
  exit 2
  ;;
esac
dir=$(mktemp -d "$RUNNER_TEMP/panoply.XXXXXX")
go build -C "$here/cmd/panoply" -o "$dir/panoply" .
look=(--format json --output "$dir/report.json" --fail-on none)
if [[ $PANOPLY_COMMAND == scan && $PANOPLY_ACTIVE == true ]]; then
  look+=(--active)
fi
"$dir/panoply" "$PANOPLY_COMMAND" "${look[@]}" -- "$PANOPLY_TARGET"

judge=()
if [[ -n $PANOPLY_BASELINE ]]; then judge+=(--baseline "$PANOPLY_BASELINE"); fi
if [[ -n $PANOPLY_IGNORE ]]; then judge+=(--ignore "$PANOPLY_IGNORE"); fi
"$dir/panoply" report "$dir/report.json" --format sarif --output "$dir/report.sarif" --fail-on none ${judge[@]+"${judge[@]}"}
{
  echo "report=$dir/report.json"
  echo "sarif=$dir/report.sarif"
} >>"$GITHUB_OUTPUT"
"$dir/panoply" report "$dir/report.json" --format markdown --fail-on "$PANOPLY_FAIL_ON" ${judge[@]+"${judge[@]}"} >>"$GITHUB_STEP_SUMMARY"
