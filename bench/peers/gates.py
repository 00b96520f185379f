# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""usage: gates.py CASE

The same output, schema, rule and pattern by jsonschema-rs, python-jsonschema, Google's CEL in C++ and Python's own regular
expressions; prints one JSON object of nanoseconds. Each walks the objects of Python, as its users have them.
"""

import json
import re
import statistics
import sys
import time

import jsonschema
import jsonschema_rs
from cel_expr_python import cel


def nanoseconds(call, rounds, batch):
    """Of one call: the median over batches."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        for _ in range(batch):
            if not call():
                raise RuntimeError("a peer says no")
        times.append((time.perf_counter_ns() - began) / batch)
    return statistics.median(times)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        case = json.load(file)
    output, schema = case["output"], case["schema"]
    rust = jsonschema_rs.Draft202012Validator(schema)
    python = jsonschema.Draft202012Validator(schema)
    environment = cel.NewEnv(variables={"output": cel.Type.DYN})
    program = environment.compile(case["rule"])
    # Backtracking doubles with each letter: 22 of them, not thousands.
    pattern, text = re.compile("^(a+)+$"), "a" * 22 + "!"
    print(json.dumps({
        "jsonschemaRs": nanoseconds(lambda: rust.is_valid(output), 400, 100),
        "pythonJsonschema": nanoseconds(lambda: python.is_valid(output), 50, 20),
        "cel": nanoseconds(lambda: program.eval(data={"output": output}).value(), 400, 100),
        "backtracking22": nanoseconds(lambda: not pattern.match(text), 3, 1),
    }))


if __name__ == "__main__":
    main()
