#!/bin/sh
# {{name}}: one look at the machine, as JSON. It is meant to be started by a timer:
#
#   0 * * * *  cd /path/to/project && naos run {{name}} --quiet >> report.jsonl
set -eu

now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
used=$(df -P . | awk 'NR == 2 { sub("%", "", $5); print $5 }')
load=$(cut -d ' ' -f 1 /proc/loadavg)
free=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)

echo "looked at $now" >&2
printf '{"at":"%s","diskUsedPercent":%s,"load":%s,"memoryFreeKiB":%s}\n' "$now" "$used" "$load" "$free"
