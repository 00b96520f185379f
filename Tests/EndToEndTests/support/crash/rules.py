# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What must hold of every life of a node, told by its journals and by what was executed outside.

Journals are what `naos runs journal -o json` prints, by run; an execution is (run, step, attempt), as the agent itself
wrote it down. Both are looked at after every kill and at the end.
"""
from collections import Counter


class Difference(Exception):
    """A rule is broken."""


PROBE = ".probe"


def unit(execution):
    return execution[:2]


def started(journals):
    """The attempts that were begun, as executions, each as often as it was."""
    return Counter(
        (run, entry["entry"]["step"], entry["entry"]["attempt"])
        for run, entries in journals.items() for entry in entries if entry["kind"] == "attempt-started")


def open_attempts(journals):
    """How many attempts of each step are begun, and not recorded as ended."""
    open_now = Counter()
    for run, entries in journals.items():
        for entry in entries:
            if entry["kind"] in ("attempt-started", "attempt-ended"):
                open_now[run, entry["entry"]["step"]] += 1 if entry["kind"] == "attempt-started" else -1
    return +open_now


def completed(journals):
    """The steps whose result is recorded. A probe looks whenever there is a doubt, and is never over for good."""
    return {
        (run, entry["entry"]["step"]) for run, entries in journals.items() for entry in entries
        if entry["kind"] == "step-completed" and not entry["entry"]["step"].endswith(PROBE)}


class Watch:
    """Follows one project from life to life.

    `usual` says how often each step is executed if nothing is killed, `others` how often those that it does not name.
    """

    def __init__(self, usual, others=0):
        self.usual, self.others = usual, others
        self.journals, self.executions = {}, []
        # What may be executed once more each: attempts that were open when their node was killed.
        self.again = Counter()

    def look(self, journals, executions, killed):
        """Holds what there is now against everything that was there before."""
        self._kept(journals)
        self._once(journals, executions)
        self._over(journals, executions)
        if killed:
            self.again += open_attempts(journals)
        self.journals, self.executions = journals, executions

    def _kept(self, journals):
        for run, before in self.journals.items():
            if journals.get(run, [])[:len(before)] != before:
                raise Difference(f"the journal of {run} is not what was read before, and more")

    def _once(self, journals, executions):
        begun = started(journals)
        for attempt, count in begun.items():
            if count > 1:
                raise Difference(f"{attempt} was begun {count} times")
        for execution, count in Counter(executions).items():
            if execution not in begun:
                raise Difference(f"{execution} was executed, and its journal does not know")
            if count > 1:
                raise Difference(f"{execution} was executed {count} times")

    def _over(self, journals, executions):
        """Whose result was recorded is never begun again, neither in the journal nor outside."""
        before, now = Counter(map(unit, self.executions)), Counter(map(unit, executions))
        for step in completed(self.journals):
            if now[step] != before[step]:
                raise Difference(f"{step} was over, and was executed again")
        for run, entries in journals.items():
            over = set()
            for entry in entries:
                step = entry["entry"].get("step")
                if entry["kind"] == "attempt-started" and step in over:
                    raise Difference(f"{step} of {run} was over, and was begun again")
                if entry["kind"] in ("step-completed", "step-marked-done") and not step.endswith(PROBE):
                    over.add(step)

    def end(self, kind):
        """Nothing was executed more often than usual, but for attempts that a kill cut off, and their probes."""
        for step, count in Counter(map(unit, self.executions)).items():
            usual = self.usual.get((kind(step[0]), step[1]), self.others)
            cut_off = self.again[step]
            if step[1].endswith(PROBE):
                cut_off += self.again[step[0], step[1].removesuffix(PROBE)]
            if count > usual + cut_off:
                raise Difference(
                    f"{step} was executed {count} times: usually {usual}, and kills cut off {cut_off} attempts")
