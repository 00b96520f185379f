# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: bench.py [--quick] [--only startup,journal,flows,supervision,gateway,binary] [--page FILE]
                NAOS JOURNAL PLAIN FLOWS PROXY DURABLE LITELLM SUPERVISORD CHILD FOLDER

DURABLE is the Python that has DBOS and LangGraph.

Runs the measurements one after the other and prints a table; exit 1 if a promise is not kept.
"""

import argparse
import os
import sys

import binary
import flows
import gateway
import journal
import machine
import report
import startup
import supervision

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works, not for figures")
    parser.add_argument("--only", default="binary,startup,journal,flows,supervision,gateway")
    parser.add_argument("--page", help="the page to write the figures into")
    for name in ["naos", "journal", "plain", "flows", "proxy", "durable", "litellm", "supervisord", "child", "folder"]:
        parser.add_argument(name)
    options = parser.parse_args()
    naos, folder = os.path.abspath(options.naos), os.path.abspath(options.folder)
    project = os.path.join(HERE, "project")
    os.makedirs(folder, exist_ok=True)
    wanted = options.only.split(",")

    results = {"machine": machine.describe(folder)}
    if "binary" in wanted:
        results["binary"] = binary.measure(naos, folder)
    if "startup" in wanted:
        results["startup"] = startup.measure(naos, project, folder, options.quick)
    if "journal" in wanted:
        results["journal"] = journal.measure(
            os.path.abspath(options.journal), os.path.abspath(options.plain), folder, options.quick)
    if "flows" in wanted:
        tools = {name: os.path.abspath(getattr(options, name)) for name in ["naos", "journal", "plain", "flows"]}
        # Not the real path: an environment of Python is known by the link.
        results["flows"] = flows.measure({**tools, "python": os.path.abspath(options.durable)}, folder, options.quick)
    if "supervision" in wanted:
        results["supervision"] = supervision.measure(
            naos, os.path.abspath(options.supervisord), folder, os.path.abspath(options.child), options.quick)
    if "gateway" in wanted:
        results["gateway"] = gateway.measure(
            naos, os.path.abspath(options.litellm), os.path.abspath(options.proxy), project, folder, options.quick)
    report.show(results)
    report.store(results, folder, options.page)
    return 0 if all(kept for _, _, _, kept in report.rows(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
