"""Adds up the lines of an invoice."""
import json, sys

print(sum(line["total"] for line in json.load(sys.stdin)))
