#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# The main job on a project of its own below .build; works as often as it is called.
set -euo pipefail
cd "$(dirname "$0")/.."

naos=$PWD/.build/release/naos
project=.build/demo/research
question="What happens when step five of a saga fails?"

mkdir -p "$(dirname "$project")"
if [[ ! -f $project/nexus.config.yaml ]]; then
  (cd "$(dirname "$project")" && "$naos" init "$(basename "$project")")
  echo
fi
cd "$project"
echo "\$ naos run researcher --input \"$question\""
"$naos" run researcher --input "$question" </dev/null
cat <<END

The project is $project. To watch it in a browser:
  cd $project
  $naos up -d
  $naos dashboard
END
