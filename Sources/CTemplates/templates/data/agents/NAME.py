"""{{name}}: describes a table. The input is CSV; without input it reads data/{{name}}.csv."""

import csv
import io
import json
import statistics
import sys


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def describe(values):
    present = [value for value in values if value != ""]
    numbers = [number(value) for value in present]
    column = {"values": len(present), "missing": len(values) - len(present)}
    if present and all(value is not None for value in numbers):
        column.update(
            kind="number",
            sum=round(sum(numbers), 6),
            mean=round(statistics.fmean(numbers), 6),
            min=min(numbers),
            max=max(numbers),
        )
    else:
        counts = {}
        for value in present:
            counts[value] = counts.get(value, 0) + 1
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
        column.update(kind="text", distinct=len(counts), common=dict(common))
    return column


text = sys.stdin.read()
if not text.strip():
    with open("data/{{name}}.csv", encoding="utf-8") as file:
        text = file.read()

rows = list(csv.reader(io.StringIO(text)))
if len(rows) < 2:
    sys.exit("the table needs a line of names and at least one line of values")

names, rows = rows[0], rows[1:]
columns = {name: describe([row[index] if index < len(row) else "" for row in rows]) for index, name in enumerate(names)}
print(f"{len(rows)} rows, {len(names)} columns", file=sys.stderr)
print(json.dumps({"rows": len(rows), "columns": columns}, ensure_ascii=False))
