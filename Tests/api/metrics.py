# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The metrics of a node that has done something of everything, read by Prometheus' own tool."""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "browser"))
from newsroom import Node  # noqa: E402 - found by the line above

# The names that dashboards of others rely on.
NAMES = {"nexus_agents", "nexus_cost_usd_total", "nexus_approvals_pending", "nexus_sse_clients", "nexus_sse_dropped_total", "nexus_build_info",
         "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds",
         "gen_ai_client_inference_duration_seconds", "gen_ai_client_inference_usage_input_tokens_total",
         "gen_ai_client_inference_usage_output_tokens_total", "gen_ai_execute_tool_duration_seconds",
         "gen_ai_invoke_workflow_duration_seconds"}


def main():
    node = Node()
    try:
        node.up()
        # Calls and runs are counted from the first scrape on.
        node.metrics()
        node.run("briefing", {"question": "What is new?"})
        text = node.metrics()
    finally:
        node.down()
    families = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    assert families >= NAMES, NAMES - families
    checked = subprocess.run([HERE.parent.parent / ".build/promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    print(f"promtool: {len(families)} families, {checked.returncode}")
    # It also warns of names and of missing help by its exit code.
    if checked.returncode != 0:
        sys.exit(checked.stdout + checked.stderr)


if __name__ == "__main__":
    main()
