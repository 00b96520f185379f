# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Random expressions of the rule language over `output`, mostly well typed, and random outputs."""

import json

FIELDS = {"n": "number", "m": "number", "s": "string", "t": "string", "b": "bool", "l": "numbers", "w": "strings",
          "o": "object"}


class Rules:
    def __init__(self, random):
        self.random = random

    def chance(self, part):
        return self.random.random() < part

    # Outputs

    def number(self):
        return self.random.choice([0, 1, 2, 3, -1, 0.5, 1.5, 10, 100, 1e10, -0.0, 1e308])

    def text(self):
        return self.random.choice(["", "a", "ab", "abc", "é", "a b", "10", "-3", "1.5", "true", "A", "日本"])

    def of(self, kind):
        if kind == "number":
            return self.number()
        if kind == "string":
            return self.text()
        if kind == "bool":
            return self.chance(0.5)
        if kind == "numbers":
            return [self.number() for _ in range(self.random.randrange(4))]
        if kind == "strings":
            return [self.text() for _ in range(self.random.randrange(4))]
        return {name: self.number() for name in self.random.sample(["x", "y", "z"], self.random.randrange(4))}

    def output(self):
        found = {}
        for name, kind in FIELDS.items():
            if self.chance(0.92):
                found[name] = self.of(kind if self.chance(0.95) else self.random.choice(list(FIELDS.values())))
        if self.chance(0.05):
            found["n"] = None
        return found

    # Expressions

    def expression(self, kind="bool", depth=0, names=()):
        if depth > 3 or self.chance(0.02):
            return self.leaf(kind, names)
        if self.chance(0.02):
            kind = self.random.choice(["bool", "number", "string"])
        make = {"bool": self.bool, "number": self.numeric, "string": self.string, "numbers": self.numbers,
                "strings": self.strings}[kind]
        return make(depth + 1, names)

    def leaf(self, kind, names):
        mine = [name for name, other in names if other == kind]
        if mine and self.chance(0.6):
            return self.random.choice(mine)
        fields = [name for name, other in FIELDS.items() if other == kind]
        if self.chance(0.7):
            return "output." + self.random.choice(fields)
        value = self.of(kind)
        return json.dumps([float(part) for part in value] if kind == "numbers" else
                          float(value) if kind == "number" else value, ensure_ascii=False)

    def bool(self, depth, names):
        e = lambda kind: self.expression(kind, depth, names)
        choice = self.random.randrange(16)
        if choice == 0:
            return f"({e('bool')} && {e('bool')})"
        if choice == 1:
            return f"({e('bool')} || {e('bool')})"
        if choice == 2:
            return f"!({e('bool')})"
        if choice in (3, 4):
            return f"({e('number')} {self.random.choice(['<', '<=', '>', '>=', '==', '!='])} {e('number')})"
        if choice == 5:
            return f"({e('string')} {self.random.choice(['<', '==', '!=', '>='])} {e('string')})"
        if choice == 6:
            return f"has(output.{self.random.choice([*FIELDS, 'missing', 'o.x', 'o.y'])})"
        if choice == 7:
            macro = self.random.choice(["all", "exists", "exists_one"])
            return f"{e('numbers')}.{macro}(v{depth}, {self.expression('bool', depth, (*names, (f'v{depth}', 'number')))})"
        if choice == 8:
            return f"({e('number')} in {e('numbers')})"
        if choice == 9:
            return f"({e('string')} in {e('strings')})"
        if choice == 10:
            return f"{e('string')}.{self.random.choice(['contains', 'startsWith', 'endsWith'])}({e('string')})"
        if choice == 11:
            pattern = self.random.choice(['"^a"', '"b$"', '"[0-9]+"', '"^(a|b)*$"', '"."'])
            return f"{e('string')}.matches({pattern})"
        if choice == 12:
            return f"({e('bool')} ? {e('bool')} : {e('bool')})"
        if choice == 13:
            return f"({e('numbers')} == {e('numbers')})"
        if choice == 14:
            return f"(type({e('number')}) == double)"
        return f"('{self.random.choice('xy')}' in output.o)"

    def numeric(self, depth, names):
        e = lambda kind: self.expression(kind, depth, names)
        choice = self.random.randrange(8)
        if choice in (0, 1):
            return f"({e('number')} {self.random.choice(['+', '-', '*', '/'])} {e('number')})"
        if choice == 2:
            return f"(-{e('number')})"
        if choice == 3:
            return f"double(size({e(self.random.choice(['string', 'numbers', 'strings']))}))"
        if choice == 4:
            return f"({e('bool')} ? {e('number')} : {e('number')})"
        if choice == 5:
            return f"{e('numbers')}[{self.random.randrange(3)}]"
        if choice == 6:
            return f"output.o.{self.random.choice(['x', 'y'])}"
        return f"double({e('string')})"

    def string(self, depth, names):
        e = lambda kind: self.expression(kind, depth, names)
        choice = self.random.randrange(5)
        if choice == 0:
            return f"({e('string')} + {e('string')})"
        if choice == 1:
            return f"({e('bool')} ? {e('string')} : {e('string')})"
        if choice == 2:
            return f"{e('strings')}[{self.random.randrange(3)}]"
        if choice == 3:
            return f"string({e('bool')})"
        return self.leaf("string", names)

    def numbers(self, depth, names):
        e = lambda kind: self.expression(kind, depth, names)
        choice = self.random.randrange(5)
        inner = lambda kind: self.expression(kind, depth, (*names, (f"v{depth}", "number")))
        if choice == 0:
            return f"{e('numbers')}.filter(v{depth}, {inner('bool')})"
        if choice == 1:
            return f"{e('numbers')}.map(v{depth}, {inner('number')})"
        if choice == 2:
            return f"({e('numbers')} + {e('numbers')})"
        if choice == 3:
            return f"[{e('number')}, {e('number')}]"
        return self.leaf("numbers", names)

    def strings(self, depth, names):
        if self.chance(0.3):
            return f"[{self.expression('string', depth, names)}, {self.expression('string', depth, names)}]"
        return self.leaf("strings", names)
