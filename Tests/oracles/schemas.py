# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Random JSON Schemas and random values that have a fair chance to be valid."""

import string

NAMES = ["a", "b", "c", "total", "é", "x/y", ""]
PATTERNS = ["^a", "b$", "[0-9]+", "^[a-c]{1,3}$", "(ab|cd)*", "\\d{2}", "^$", "\\w+@\\w+", "[^x]", "é"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
NUMBERS = [0, 1, -1, 2, 3, 10, 0.5, 1.5, 1.0, 1e3, -0.0, 4294967296, 9007199254740992, 0.1, 0.3, 1e-7]


class Schemas:
    def __init__(self, random):
        self.random = random

    def chance(self, part):
        return self.random.random() < part

    # Values

    def text(self):
        alphabet = string.ascii_lowercase[:4] + "0129é@ \n"
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randrange(5)))

    def number(self):
        if self.chance(0.6):
            return self.random.choice(NUMBERS)
        return self.random.randrange(-20, 20)

    def value(self, depth=0):
        kind = self.random.randrange(7 if depth < 3 else 5)
        if kind == 0:
            return None
        if kind == 1:
            return self.chance(0.5)
        if kind in (2, 3):
            return self.number()
        if kind == 4:
            return self.text()
        if kind == 5:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {name: self.value(depth + 1) for name in self.random.sample(NAMES, self.random.randrange(4))}

    def like(self, schema, depth=0):
        """A value made after a schema, mostly."""
        if not isinstance(schema, dict) or self.chance(0.15) or depth > 4:
            return self.value(depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in schema and self.chance(0.5):
                return self.like(self.random.choice(schema[keyword]), depth + 1)
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self.random.choice(kind)
        if kind is None:
            kind = "object" if "properties" in schema else "array" if "items" in schema else None
        if kind == "object":
            found = {
                name: self.like(part, depth + 1) for name, part in schema.get("properties", {}).items()
                if self.chance(0.8)}
            for name in schema.get("required", []):
                if name not in found and self.chance(0.9):
                    found[name] = self.value(depth + 1)
            return found
        if kind == "array":
            prefix = [self.like(part, depth + 1) for part in schema.get("prefixItems", [])]
            return prefix + [self.like(schema.get("items", True), depth + 1) for _ in range(self.random.randrange(3))]
        if kind == "integer":
            return self.random.choice([0, 1, 2, 3, 4, 6, 10, -1, 1.0, 100])
        if kind == "number":
            return self.number()
        if kind == "string":
            return self.text()
        if kind == "boolean":
            return self.chance(0.5)
        return None if kind == "null" else self.value(depth)

    # Schemas

    def schema(self, depth=0):
        if depth > 3 or self.chance(0.05):
            return self.chance(0.85)
        found = {}
        if self.chance(0.6):
            found["type"] = self.random.choice(TYPES) if self.chance(0.8) else self.random.sample(TYPES, 2)
        groups = [self.numbers, self.strings, self.arrays, self.objects, self.logic, self.values]
        for group in self.random.sample(groups, self.random.choice([1, 1, 2, 3])):
            group(found, depth)
        if depth == 0:
            found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
            if self.chance(0.4):
                found["$defs"] = {"d": self.schema(2), "e": self.schema(3)}
                found["allOf"] = [{"$ref": "#/$defs/d"}] + found.get("allOf", [])
                if self.chance(0.3):
                    found["$defs"]["d"] = {"properties": {"a": {"$ref": "#/$defs/e"}, "b": {"$ref": "#"}}}
        return found

    def numbers(self, found, depth):
        for keyword in self.random.sample(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], 1):
            found[keyword] = self.number()
        if self.chance(0.4):
            found["multipleOf"] = self.random.choice([1, 2, 3, 0.5, 0.1, 0.01, 1.5, 1e-7])

    def strings(self, found, depth):
        if self.chance(0.4):
            found["minLength"] = self.random.randrange(4)
        if self.chance(0.4):
            found["maxLength"] = self.random.randrange(5)
        if self.chance(0.5):
            found["pattern"] = self.random.choice(PATTERNS)

    def arrays(self, found, depth):
        if self.chance(0.6):
            found["items"] = self.schema(depth + 1)
        if self.chance(0.3):
            found["prefixItems"] = [self.schema(depth + 1) for _ in range(self.random.randrange(1, 3))]
        if self.chance(0.3):
            found["contains"] = self.schema(depth + 1)
            if self.chance(0.5):
                found["minContains"] = self.random.randrange(3)
            if self.chance(0.5):
                found["maxContains"] = self.random.randrange(3)
        if self.chance(0.3):
            found["uniqueItems"] = True
        if self.chance(0.3):
            found["minItems"] = self.random.randrange(3)
        if self.chance(0.3):
            found["maxItems"] = self.random.randrange(4)
        if self.chance(0.2):
            found["unevaluatedItems"] = self.schema(depth + 1)

    def objects(self, found, depth):
        if self.chance(0.8):
            found["properties"] = {
                name: self.schema(depth + 1) for name in self.random.sample(NAMES, self.random.randrange(1, 4))}
        if self.chance(0.4):
            found["required"] = self.random.sample(NAMES, self.random.randrange(3))
        if self.chance(0.3):
            found["additionalProperties"] = self.schema(depth + 1)
        if self.chance(0.2):
            found["patternProperties"] = {self.random.choice(PATTERNS): self.schema(depth + 1)}
        if self.chance(0.2):
            found["propertyNames"] = self.schema(depth + 2)
        if self.chance(0.2):
            found["minProperties"] = self.random.randrange(3)
        if self.chance(0.2):
            found["maxProperties"] = self.random.randrange(4)
        if self.chance(0.2):
            found["dependentRequired"] = {self.random.choice(NAMES): self.random.sample(NAMES, 1)}
        if self.chance(0.15):
            found["dependentSchemas"] = {self.random.choice(NAMES): self.schema(depth + 1)}
        if self.chance(0.2):
            found["unevaluatedProperties"] = self.schema(depth + 1)

    def logic(self, found, depth):
        keyword = self.random.choice(["allOf", "anyOf", "oneOf", "not", "if"])
        if keyword == "not":
            found["not"] = self.schema(depth + 1)
        elif keyword == "if":
            found["if"] = self.schema(depth + 1)
            found["then"] = self.schema(depth + 1)
            if self.chance(0.5):
                found["else"] = self.schema(depth + 1)
        else:
            found[keyword] = [self.schema(depth + 1) for _ in range(self.random.randrange(1, 4))]

    def values(self, found, depth):
        if self.chance(0.5):
            found["const"] = self.value(2)
        else:
            found["enum"] = [self.value(2) for _ in range(self.random.randrange(1, 4))]
