# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: bench.py [--quick] [--only startup,streams,journal,audit,gates,flows,supervision,sandbox,gateway,binary]
                [--page FILE] NAOS JOURNAL PLAIN FLOWS PROXY DURABLE GATES LITELLM SUPERVISORD CHILD PROCESS WASM LIBRARY
                EXTISM FOLDER

DURABLE is the Python that has DBOS and LangGraph, GATES the one that has the validators, EXTISM the one that has Extism.

Runs the measurements one after the other and prints a table; exit 1 if a promise is not kept.
"""

import argparse
import os
import sys
import traceback

import binary
import flows
import gates
import gateway
import journal
import machine
import report
import sandbox
import startup
import streams
import supervision

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not for figures")
    parser.add_argument("--only", default="binary,startup,streams,journal,audit,gates,flows,supervision,sandbox,gateway")
    parser.add_argument(
        "--add", action="store_true",
        help="take the parts that are not measured now from the last run, if it measured the same release")
    parser.add_argument("--page", help="the page to write the figures into")
    for name in [
        "naos", "journal", "plain", "flows", "proxy", "durable", "gates", "litellm", "supervisord", "child", "process", "wasm",
        "library", "extism", "folder",
    ]:
        parser.add_argument(name)
    options = parser.parse_args()
    naos, folder = os.path.abspath(options.naos), os.path.abspath(options.folder)
    project = os.path.join(HERE, "project")
    os.makedirs(folder, exist_ok=True)
    wanted = options.only.split(",")

    # Not the real path: an environment of Python is known by the link.
    durable = os.path.abspath(options.durable)
    tools = {name: os.path.abspath(getattr(options, name)) for name in ["naos", "journal", "plain", "flows"]}
    measurements = {
        "binary": lambda: binary.measure(naos, folder),
        "startup": lambda: startup.measure(naos, project, folder, options.quick),
        "streams": lambda: streams.measure(naos, options.quick),
        "journal": lambda: journal.measure(tools["journal"], tools["plain"], folder, options.quick),
        "audit": lambda: journal.decisions(tools["journal"], folder, options.quick),
        "gates": lambda: gates.measure(tools["journal"], os.path.abspath(options.gates), options.quick),
        "flows": lambda: flows.measure({**tools, "python": durable}, folder, options.quick),
        "supervision": lambda: supervision.measure(
            naos, os.path.abspath(options.supervisord), folder, os.path.abspath(options.child), options.quick),
        "sandbox": lambda: sandbox.measure(
            *(os.path.abspath(getattr(options, name)) for name in ("process", "wasm", "library", "extism")), folder,
            options.quick),
        "gateway": lambda: gateway.measure(
            naos, os.path.abspath(options.litellm), os.path.abspath(options.proxy), project, folder, options.quick),
    }
    results = {**(report.stored(folder, naos) if options.add else {}), "machine": machine.describe(folder)}
    results["release"] = report.release(naos)
    failed = []
    for name, measure in measurements.items():
        if name not in wanted:
            continue
        try:
            results[name] = measure()
        except Exception:  # The other parts have taken long, too.
            traceback.print_exc()
            failed.append(name)
        report.store(results, folder, None)
    report.show(results)
    for name in failed:
        print(f"✗ {name} could not be measured")
    # Figures of a quick run, or of some parts alone, are not for the page.
    whole = not failed and not options.quick and all(name in results for name in measurements)
    report.store(results, folder, options.page if whole else None)
    if failed:
        return 1
    return 0 if all(kept for _, _, _, kept in report.rows(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
