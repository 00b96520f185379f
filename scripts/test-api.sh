#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# The API of the real binary, held against its own OpenAPI document by schemathesis, its metrics by promtool,
# and what it exports decoded by OpenTelemetry's package.
# usage: test-api.sh [EXAMPLES]   NAOS_BINARY: another binary than the debug build
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z ${NAOS_BINARY:-} ]]; then
  swift build --product naos </dev/null
  export NAOS_BINARY=$PWD/.build/debug/naos
fi
.build/api-venv/bin/python -B Tests/api/metrics.py </dev/null
.build/api-venv/bin/python -B Tests/api/otlp.py </dev/null
exec .build/api-venv/bin/python -B Tests/api/fuzz.py "$@" </dev/null
