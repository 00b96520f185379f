# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The figures as a table, held against what was promised, and their section of the page."""

import sys

import clients
import report

BEGIN = "<!-- figures: written by make bench-budget -->"
END = "<!-- end of figures of make bench-budget -->"


def progress(cell, tally, account):
    used = account.total / cell.limit
    print(
        f"  {cell.name}: {tally.answers} answers, {tally.refusals} refusals, {used:.2%} of the budget billed"
        + (f", others {dict(tally.others)}" if tally.others else "")
        + (f", FALSE {tally.false_refusals}: {tally.notes[:2]}" if tally.false_refusals else ""), file=sys.stderr)


def dollars(nano, digits=6):
    return f"{'-' if nano < 0 else ''}${abs(nano) // 10**9}.{abs(nano) % 10**9:09d}"[: None if digits == 9 else -3]


def overshoot(billed, limit):
    return max(0, billed - limit)


def naos_cell(cell, tally, books, held):
    """(utilisation, overshoot, false refusals, kept)."""
    over = max(overshoot(books.billed, cell.limit), overshoot(books.spent, cell.limit))
    used = books.billed / cell.limit
    kept = (
        over == 0 and used >= 0.95 and tally.false_refusals == 0 and not tally.others and held == 0
        and books.is_exact and books.unresolved == 0 and books.at_hold == 0)
    return used, over, tally.false_refusals, kept


def mode(cell):
    return "stream" if cell.streamed else "whole"


def peer_cell(cell, result):
    """What came of a cell of LiteLLM, in words; `result` is a text where it was not measured."""
    if isinstance(result, str):
        return f"not measured: {result}"
    tally, account = result
    errors = {
        name: count for name, count in tally.others.items() if name not in (clients.GIVEN_UP_NOTE, clients.OUT_OF_TIME)}
    counted = ", ".join(f"{count}× {name}" for name, count in errors.items())
    late = f"stopped after {tally.seconds:.0f} s" if tally.others[clients.OUT_OF_TIME] else ""
    if tally.answers == 0:
        return f"no answers ({', '.join(word for word in (counted, late) if word)})"
    words = [f"{account.total / cell.limit:.1%}", f"{dollars(overshoot(account.total, cell.limit))} over"]
    if tally.others[clients.GIVEN_UP_NOTE]:
        words.append(f"still answering at {account.total / cell.limit:.0f} times the budget")
    # Then the budget may hold, or not: the time that all its cells have was over.
    words += [word for word in (late, f"errors {counted}" if counted else "") if word]
    return ", ".join(words)


def cells_table(results):
    peers = results.get("litellm", {})
    lines = [
        "| API | answer | clients | budget | calls | used | overshoot | false refusals | | LiteLLM: used, overshoot |",
        "|---|---|---|---|---|---|---|---|---|---|"]
    all_kept = True
    for cell in results["cells"]:
        mine = "| | | | | |"
        if "naos" in results:
            tally, books, held = results["naos"][cell.name]
            used, over, false, kept = naos_cell(cell, tally, books, held)
            all_kept = all_kept and kept
            mine = f"| {tally.answers} | {used:.1%} | {dollars(over)} | {false} | {'kept' if kept else 'missed'} |"
        peer = peer_cell(cell, peers[cell.name]) if cell.name in peers else ""
        lines.append(f"| {cell.api.name} | {mode(cell)} | {cell.clients} | {dollars(cell.limit)} {mine} {peer} |")
    return lines, all_kept


def kills_table(results):
    lines = [
        "| API | answer | kills | budget | calls | cut off | billed | overshoot | ledger | unresolved "
        "| ledger − bills − unresolved | |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    all_kept = True
    for cell, kills in results["kills"]:
        tally, books, held = results["killed"][cell.name]
        over = max(overshoot(books.billed, cell.limit), overshoot(books.spent, cell.limit))
        strange = {name: count for name, count in tally.others.items() if name != "cut off by a kill"}
        kept = over == 0 and books.is_exact and held == 0 and not strange
        all_kept = all_kept and kept
        lines.append(
            f"| {cell.api.name} | {mode(cell)} | {kills} | {dollars(cell.limit)} | {tally.answers} "
            f"| {tally.others['cut off by a kill']} | {dollars(books.billed, 9)} | {dollars(over)} "
            f"| {dollars(books.spent, 9)} | {dollars(books.unresolved + books.at_hold, 9)} "
            f"| {dollars(books.difference, 9)} | {'kept' if kept else 'missed'} |")
    return lines, all_kept


def write(results):
    """The section as Markdown, and whether all was kept."""
    cells, cells_kept = cells_table(results)
    kills, kills_kept = kills_table(results)
    count = sum(kills for _, kills in results["kills"])
    lines = [
        report.machine_line(results["machine"]) + f" Seed {results['seed']}.", "",
        "Promised in every cell: overshoot $0.000000, at least 95 % used, no false refusal, and every charge of the "
        "ledger the bill of one call.", "", *cells, "",
        f"With the node killed with `kill -9` at {count} random instants. Promised: overshoot $0.000000, and the ledger "
        "equal to the bills of the calls whose end it saw and the holds of those it did not, to the nano-dollar.", "",
        *kills]
    return "\n".join(lines), cells_kept and kills_kept


def store(text, page):
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(page, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")
