#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Installs LiteLLM and runs budget.py on the release; its options may be given as arguments.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.build/bench
mkdir -p "$folder"
scripts/venv.sh "$folder/peers" bench/peers/requirements.txt

page=(--page docs/operating/performance.md)
# Figures of a quick or a partial run are not for the page.
[[ $# -eq 0 ]] || page=()
exec env PYTHONDONTWRITEBYTECODE=1 "$folder/peers/bin/python" bench/budget.py "$@" "${page[@]}" \
  .build/release/naos "$folder/peers/bin/litellm" "$folder"
