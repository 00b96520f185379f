# What a skill in Python may use of naos.


class SkillError(Exception):
    """The answer of a skill that says no: a code of small letters, digits and `_`, and a sentence."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message
