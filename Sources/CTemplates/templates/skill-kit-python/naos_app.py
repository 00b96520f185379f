# What is called: bytes in, bytes out.
import json

import skill
import wit_world
from componentize_py_types import Err
from naos import SkillError


class WitWorld(wit_world.WitWorld):
    def run(self, input: bytes) -> bytes:
        try:
            value = json.loads(input)
        except ValueError as problem:
            raise Err(f"invalid_json: {problem}")
        try:
            output = skill.skill(value)
            return json.dumps(output, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except SkillError as problem:
            raise Err(f"{problem.code}: {problem.message}")
        except Exception as problem:
            # Else all that is seen of it is a trap.
            raise Err(f"exception: {type(problem).__name__}: {problem}")
