# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""Holds a ledger against the bills of the provider, call by call."""

import collections
import dataclasses


@dataclasses.dataclass
class Audit:
    """All in nano-dollars."""
    spent: int
    billed: int
    # Bills that the ledger has at their exact price, and what it has beside them.
    matched: int
    unresolved: int
    unresolved_calls: int
    at_hold: int
    # Bills that it has not at their price; each must be covered by something unresolved.
    unmatched: int
    unmatched_calls: int
    # Charges for calls that the provider knows nothing of.
    invented: int

    @property
    def difference(self):
        """What the ledger says less what it should: the bills and what is set aside for calls of unknown cost."""
        return self.spent - self.matched - self.unresolved - self.at_hold

    @property
    def is_exact(self):
        return (
            self.difference == 0 and self.invented == 0
            and self.unmatched_calls <= self.unresolved_calls and self.unmatched <= self.unresolved + self.at_hold)


def audit(spent, charges, account):
    bills = collections.Counter((bill.prompt, bill.output) for bill in account.bills)
    costs = {(bill.prompt, bill.output): bill.cost for bill in account.bills}
    sums = collections.Counter()
    matched = invented = 0
    unknown_calls = 0
    for charge in charges:
        basis, cost = charge["basis"], charge["costNanoUSD"]
        if basis != "usage":
            sums[basis] += cost
            unknown_calls += basis in ("unresolved", "hold")
            continue
        pair = (charge["inputTokens"], charge["outputTokens"])
        if bills[pair] > 0 and costs[pair] == cost:
            bills[pair] -= 1
            matched += cost
        else:
            invented += cost or 1
    rest = [pair for pair in bills.elements()]
    return Audit(
        spent=spent, billed=account.total, matched=matched, unresolved=sums["unresolved"], at_hold=sums["hold"],
        unresolved_calls=unknown_calls, unmatched=sum(costs[pair] for pair in rest), unmatched_calls=len(rest),
        invented=invented)
