# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Holds `naos gate check` against jsonschema-rs and Google's CEL on random pairs; both come from PyPI.

usage: gates.py NAOS [--pairs N] [--seed N] [--only schemas|rules]

A disagreement that is not in EXPLAINED ends the run with status 1 and prints what replays it.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import jsonschema_rs
from cel_expr_python import cel

import rules
import schemas

VALUES = 100


class Binary:
    def __init__(self, path, folder):
        self.path = path
        self.folder = folder

    def check(self, kind, definition, values):
        """The verdicts of the values, or None if the definition is refused."""
        file = os.path.join(self.folder, "definition")
        with open(file, "w", encoding="utf-8") as out:
            out.write(definition)
        lines = "\n".join(json.dumps(value, ensure_ascii=False) for value in values)
        done = subprocess.run(
            [self.path, "gate", "check", f"--{kind}", file, "-"], input=lines.encode(), capture_output=True, timeout=60,
            check=False)
        if done.returncode == 3:
            return None
        if done.returncode not in (0, 10):
            raise RuntimeError(f"exit {done.returncode}: {done.stderr.decode()}")
        verdicts = [json.loads(line) for line in done.stdout.splitlines()]
        if len(verdicts) != len(values):
            raise RuntimeError(f"{len(verdicts)} verdicts for {len(values)} values")
        return verdicts


class Report:
    def __init__(self):
        self.pairs = 0
        self.positive = 0
        self.refused = 0
        self.explained = {}
        self.disagreements = []

    def differ(self, text, reason=None):
        if reason:
            self.explained[reason] = self.explained.get(reason, 0) + 1
        else:
            self.disagreements.append(text)

    def show(self, name):
        print(f"{name}: {self.pairs} pairs, {self.positive} valid or true, {self.refused} definitions refused by both, "
              f"{sum(self.explained.values())} explained differences, {len(self.disagreements)} disagreements")
        for reason, count in sorted(self.explained.items()):
            print(f"  explained {count}: {reason}")
        for text in self.disagreements[:20]:
            print(f"  DISAGREEMENT {text}")
        return not self.disagreements


def holds_beyond_double(value):
    """Whether two numbers in it could be told apart by one side only."""
    if isinstance(value, dict):
        return any(holds_beyond_double(part) for part in value.values())
    if isinstance(value, list):
        return any(holds_beyond_double(part) for part in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) > 2**53


def run_schemas(binary, seed, pairs):
    report = Report()
    number = 0
    while report.pairs < pairs:
        source = random.Random(f"schemas {seed} {number}")
        maker = schemas.Schemas(source)
        schema = maker.schema()
        values = [maker.like(schema) if source.random() < 0.7 else maker.value() for _ in range(VALUES)]
        number += 1
        try:
            oracle = jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
        except (ValueError, jsonschema_rs.ValidationError) as error:
            oracle = None
            why = str(error)
        mine = binary.check("schema", json.dumps(schema), values)
        if oracle is None or mine is None:
            if (oracle is None) != (mine is None):
                report.differ(f"seed {seed} schema {number - 1}: only one refuses {json.dumps(schema)}"
                              + (f": {why}" if oracle is None else ""))
            else:
                report.refused += 1
            continue
        for value, verdict in zip(values, mine):
            valid = oracle.is_valid(value)
            report.pairs += 1
            report.positive += valid
            if valid != (verdict["verdict"] == "pass"):
                report.differ(f"seed {seed} schema {number - 1}: oracle says {valid}, naos {verdict['verdict']}: "
                              f"{json.dumps(value)} under {json.dumps(schema)}")
    return report.show("schemas")


def as_doubles(value):
    """Without a schema every number is a double."""
    if isinstance(value, dict):
        return {name: as_doubles(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_doubles(part) for part in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def of_oracle(program, value):
    try:
        result = program.eval(data={"output": as_doubles(value)})
    except Exception:  # every kind of failure is one outcome here
        return "error"
    value = result.plain_value()
    return "true" if value is True else "false" if value is False else "error"


def unchecked(environment, expression):
    try:
        return environment.compile(expression, disable_check=True)
    except Exception:  # no expression at all
        return None


def of_naos(verdict):
    if verdict["verdict"] == "pass":
        return "true"
    return {"ruleBroken": "false", "evaluatorError": "error"}[verdict["errors"][0]["code"]]


def run_rules(binary, seed, pairs):
    report = Report()
    environment = cel.NewEnv(variables={"output": cel.Type.DYN})
    number = 0
    while report.pairs < pairs:
        maker = rules.Rules(random.Random(f"rules {seed} {number}"))
        expression = maker.expression()
        values = [maker.output() for _ in range(VALUES)]
        number += 1
        try:
            program = environment.compile(expression)
        except Exception:  # refused
            program = None
        mine = binary.check("rules", json.dumps([{"id": "r", "expr": expression}]), values)
        if program is None and mine is not None:
            # Its checker guesses types of what is dynamic, and refuses more; what both evaluate has to be the same.
            program = unchecked(environment, expression)
            if program is not None:
                report.differ("", "CEL's checker refuses what ours leaves to the evaluation")
        if mine is None and program is not None and program.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
            report.differ("", "a rule has to be a bool")
            continue
        if program is None or mine is None:
            if (program is None) != (mine is None):
                report.differ(f"seed {seed} rule {number - 1}: only {'CEL' if program is None else 'naos'} refuses {expression}")
            else:
                report.refused += 1
            continue
        for value, verdict in zip(values, mine):
            theirs, ours = of_oracle(program, value), of_naos(verdict)
            report.pairs += 1
            report.positive += theirs == "true"
            if theirs != ours:
                reason = None
                if any("costs more" in error["message"] or "limit" in error["message"] for error in verdict["errors"]):
                    reason = "the limit of cost is ours"
                report.differ(f"seed {seed} rule {number - 1}: CEL says {theirs}, naos {ours} "
                              f"({verdict['errors'][:1]}): {expression} with {json.dumps(value, ensure_ascii=False)}", reason)
    return report.show("rules")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("naos")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["schemas", "rules"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        binary = Binary(os.path.abspath(options.naos), folder)
        good = True
        if options.only != "rules":
            good = run_schemas(binary, options.seed, options.pairs) and good
        if options.only != "schemas":
            good = run_rules(binary, options.seed, options.pairs) and good
    sys.exit(0 if good else 1)


main()
