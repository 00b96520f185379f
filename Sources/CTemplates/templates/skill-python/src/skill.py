# A skill in Python: one JSON value in, one out. Modules that it needs are imported here at the top, not when it runs.
from naos import SkillError


def skill(input):
    text = input.get("text")
    if not isinstance(text, str):
        raise SkillError("bad_input", "`text` has to be a text")
    lines = text.count("\n")
    # A last line without an end is one, too.
    if text and not text.endswith("\n"):
        lines += 1
    return {"words": len(text.split()), "lines": lines}
