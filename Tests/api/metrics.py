# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The metrics of a node that has done something of everything, read by Prometheus' own tool."""

import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "browser"))
from newsroom import Node  # noqa: E402 - found by the line above

# The names that dashboards of others rely on.
NAMES = {"nexus_agents", "nexus_cost_usd_total", "nexus_approvals_pending", "nexus_sse_clients", "nexus_sse_dropped_total", "nexus_build_info",
         "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds",
         "gen_ai_client_inference_duration_seconds", "gen_ai_client_inference_usage_input_tokens_total",
         "gen_ai_client_inference_usage_output_tokens_total", "gen_ai_execute_tool_duration_seconds",
         "gen_ai_invoke_workflow_duration_seconds", "nexus_agent_restarts_total", "nexus_supervisor_intensity_exceeded_total",
         "nexus_saga_steps_total", "nexus_pool_decisions_total", "nexus_budget_used_ratio", "nexus_budget_actions_total",
         "nexus_queue_wait_seconds", "nexus_journal_fsync_seconds"}
PATIENCE = 120


def value(text, name, **labels):
    """The sample with exactly these labels; 0 if there is none."""
    for found, number in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.M):
        if dict(re.findall(r'(\w+)="([^"]*)"', found)) == labels:
            return float(number)
    return 0


def do_everything(node):
    """Goes back and forth, votes, spends all of a budget, and waits until somebody was restarted; gives the metrics."""
    jam = node.folder / "desk/jam"
    jam.parent.mkdir(exist_ok=True)
    jam.touch()
    assert node.run("publish-article", {"topic": "rivers"})["status"] == "compensated"
    jam.unlink()
    assert node.run("publish-article", {"topic": "bridges"})["status"] == "completed"
    assert node.run("briefing", {"question": "What does a compensation do?"})["status"] == "completed"
    for number in range(60):
        if node.run("summariser", f"Say it again, the {number}th time. " * 8)["status"] != "completed":
            break
    else:
        raise AssertionError("the budget never said no")
    # The press fails some seconds after each start.
    end = time.monotonic() + PATIENCE
    while value(text := node.metrics(), "nexus_agent_restarts_total", supervisor="backstage", reason="exit") < 1:
        assert time.monotonic() < end, "nobody was restarted"
        time.sleep(0.2)
    return text


def check_figures(text):
    saga = {(phase, outcome): value(text, "nexus_saga_steps_total", saga="publish-article", phase=phase, outcome=outcome)
            for phase in ("action", "compensation") for outcome in ("completed", "failed")}
    assert saga == {("action", "completed"): 5, ("action", "failed"): 1, ("compensation", "completed"): 2, ("compensation", "failed"): 0}, saga
    assert value(text, "nexus_pool_decisions_total", pool="jury", strategy="majority", outcome="decided") == 1
    assert value(text, "nexus_budget_actions_total", action="refuse") >= 1
    assert value(text, "nexus_supervisor_intensity_exceeded_total") == 0
    for name in ("nexus_queue_wait_seconds", "nexus_journal_fsync_seconds"):
        count = value(text, f"{name}_count")
        assert count > 0 and value(text, f"{name}_bucket", le="+Inf") == count and value(text, f"{name}_sum") >= 0, name
    # No run, task or conversation is a label.
    assert not re.search(r'"(run|task|apr)_', text)


def main():
    node = Node()
    try:
        node.up()
        # Calls and runs are counted from the first scrape on.
        node.metrics()
        text = do_everything(node)
    finally:
        node.down()
    families = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    assert families >= NAMES, NAMES - families
    check_figures(text)
    checked = subprocess.run([HERE.parent.parent / ".build/promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    print(f"promtool: {len(families)} families, {checked.returncode}")
    # It also warns of names and of missing help by its exit code.
    if checked.returncode != 0:
        sys.exit(checked.stdout + checked.stderr)


if __name__ == "__main__":
    main()
