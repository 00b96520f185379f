# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Throws requests at the API that its own OpenAPI document describes: nothing may fail, and every answer is documented.

usage: fuzz.py [EXAMPLES]   how many requests are made up for each call; with few of them all are about what there is
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "browser"))
from newsroom import Node  # noqa: E402 - found by the line above

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "unsupported_method", "ignored_auth"]
MANY = 10
# Streams do not end, and a node that was told to go down answers nothing any more.
LEFT_OUT = r"^/api/v1/(stream|events|logs/follow|shutdown)$"


def throw(node, examples, folder, known):
    """One round; in the second one the names and ids are such as there are, so that calls get beyond 404."""
    config = folder / "schemathesis.toml"
    config.write_text("".join(f'[[operations]]\ninclude-path-regex = "{path}"\nparameters = {{ "path.{name}" = "{value}" }}\n' for path, name, value in known))
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run", f"{node.url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {node.token}", "--checks", ",".join(CHECKS), "--exclude-path-regex", LEFT_OUT,
        "--max-examples", str(examples), "--phases", "coverage,fuzzing", "--seed", "1", "--request-timeout", "60",
        "--generation-database", "none", "--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off"]
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode


def main(examples):
    node = Node()
    try:
        node.up()
        run = node.run("briefing", {"question": "What is new?"})["id"]
        known = [("^/api/v1/runs/", "id", run), ("^/api/v1/agents/", "name", "echo"), ("^/api/v1/supervisors/", "name", "backstage"),
                 ("^/api/v1/pools/", "name", "translators"), ("^/api/v1/schedules/", "name", "morning-briefing")]
        with tempfile.TemporaryDirectory() as folder:
            rounds = [known] if examples < MANY else [[], known]
            results = [throw(node, examples, pathlib.Path(folder), given) for given in rounds]
        if node.process.poll() is not None:
            sys.exit("the node did not survive")
        # What came of it all can still be read, and the journal of the run is whole.
        assert node.api("/status")["node"]["running"], "the node does not run"
        assert node.api(f"/runs/{run}")["id"] == run
        if any(results):
            sys.exit(1)
    finally:
        node.down()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
