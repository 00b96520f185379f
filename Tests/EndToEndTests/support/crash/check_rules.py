#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Shows each rule of `rules.py` a node that breaks it, and one that does not."""
import sys

from rules import Difference, Watch


def entry(kind, step=None, attempt=None):
    return {"kind": kind, "entry": {"step": step, "attempt": attempt}}


START, AGAIN, THIRD = (entry("attempt-started", "a", number) for number in (1, 2, 3))
ENDED, ENDED_AGAIN, DONE = entry("attempt-ended", "a", 1), entry("attempt-ended", "a", 2), entry("step-completed", "a")
FIRST, SECOND = ("r", "a", 1), ("r", "a", 2)

# Looks, each with the journal, the executions and whether a kill came before it; what is to be found, or None.
CASES = {
    "a step that is over stays so": (
        [([START, ENDED, DONE], [FIRST], True), ([START, ENDED, DONE], [FIRST], False)], None),
    "an attempt that was cut off is made again": (
        [([START], [FIRST], True), ([START, ENDED, AGAIN, ENDED_AGAIN, DONE], [FIRST, SECOND], False)], None),
    "and cut off again": (
        [([START], [FIRST], True), ([START, ENDED, AGAIN], [FIRST, SECOND], True),
         ([START, ENDED, AGAIN, ENDED_AGAIN, THIRD], [FIRST, SECOND, ("r", "a", 3)], False)], None),
    "a recorded step is executed again": (
        [([START, ENDED, DONE], [FIRST], True), ([START, ENDED, DONE, AGAIN], [FIRST, SECOND], False)],
        "was over, and was executed again"),
    "between two kills": (
        [([START, ENDED, DONE], [FIRST], True), ([START, ENDED, DONE, AGAIN], [FIRST, SECOND], True),
         ([START, ENDED, DONE, AGAIN], [FIRST, SECOND], False)], "was over, and was executed again"),
    "and is begun again, though not executed": (
        [([START, ENDED, DONE], [FIRST], True), ([START, ENDED, DONE, AGAIN], [FIRST], False)],
        "was over, and was begun again"),
    "an attempt is executed twice": ([([START], [FIRST], True), ([START], [FIRST, FIRST], False)], "executed 2 times"),
    "an attempt is begun twice": ([([START], [], True), ([START, ENDED, START], [FIRST], False)], "begun 2 times"),
    "something is executed that was not begun": ([([], [FIRST], True)], "its journal does not know"),
    "a recorded entry is gone": (
        [([START, ENDED], [FIRST], True), ([START], [FIRST], False)], "not what was read before"),
    "a recorded attempt is made again, within the kills": (
        [([START, ENDED], [FIRST], True), ([START, ENDED, AGAIN], [FIRST, SECOND], False)], "usually 1"),
}


def found(looks):
    watch = Watch({("flow", "a"): 1})
    try:
        for journal, executions, killed in looks:
            watch.look({"r": journal}, executions, killed)
        watch.end(lambda run: "flow")
    except Difference as difference:
        return str(difference)
    return None


wrong = 0
for name, (looks, wanted) in CASES.items():
    text = found(looks)
    if (wanted is None) != (text is None) or (wanted is not None and wanted not in text):
        wrong += 1
        print(f"✗ {name}: {text}, expected {wanted}")
print(f"{len(CASES)} cases, {wrong} wrong")
sys.exit(1 if wrong else 0)
