# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The figures as a table, held against what was promised, and the page that carries them."""

import hashlib
import json
import os

import sandbox

BEGIN = "<!-- figures: written by make bench -->"
END = "<!-- end of figures -->"


def rows(results):
    """(what, measured, promised, kept)."""
    listed = []

    def row(what, text, promise="", kept=True):
        listed.append((what, text, promise, kept))

    start = results.get("startup")
    if start:
        version, ready, idle = start["versionMilliseconds"], start["readyMilliseconds"], start["idle"]
        row("`naos --version`", f"{version} ms (`/bin/true`: {start['floorMilliseconds']} ms)", "≤ 10 ms", version <= 10)
        row("`naos up` until `/readyz`", f"{ready} ms", "≤ 150 ms", ready <= 150)
        row("idle memory (RSS)", f"{idle['residentMegabytes']} MB", "≤ 40 MB", idle["residentMegabytes"] <= 40)
        row("idle processor", f"{idle['processorPercent']} %", "≤ 1 %", idle["processorPercent"] <= 1)
    many = results.get("streams")
    if many:
        what = f"{many['streams']:,} dashboards, four beats a second"
        text = f"{many['processorPercent']} % of one core, {many['residentMegabytes']} MB, {many['fewestBeats']} to {many['mostBeats']} beats/s"
        # A node that beats less often would be cheap.
        row(what, text, "≤ 25 %", many["processorPercent"] <= 25 and many["fewestBeats"] >= 3.5)
    for writers, figures in results.get("journal", {}).items():
        text = f"{figures['appendsPerSecond']:,}/s, plain C {figures['plainC']:,}/s: {figures['share']:.0%}"
        row(f"durable appends, {writers} writers", text, "≥ 50 % of C", figures["share"] >= 0.5)
    audit = results.get("audit")
    if audit:
        text = f"{audit['perSecond']:,}/s, p50 {audit['p50'] / 1000:.2f} ms, p99 {audit['p99'] / 1000:.2f} ms"
        what = f"gated decisions in the durable audit log, {audit['writers']} at a time"
        row(what, text, "≥ 1,000/s", audit["perSecond"] >= 1000)
    add_gates(results.get("gates"), row)
    add_flows(results.get("flows"), row)
    care = results.get("supervision")
    if care:
        mine, otp, slow = (care["restart"][name] for name in ("naos", "otp", "supervisord"))
        text = f"p50 {mine['p50'] / 1000:.2f} ms, p99 {mine['p99'] / 1000:.2f} ms"
        peers = f"OTP {otp['p50'] / 1000:.2f} and {otp['p99'] / 1000:.2f}, supervisord {slow['p50'] / 1000:.0f} ms"
        row("`kill -9` until the next process runs", f"{text}; {peers}", "p50 ≤ OTP's", mine["p50"] <= otp["p50"])
        times = slow["p50"] / mine["p50"]
        row("restart, times supervisord", f"{times:.0f}×", "≥ 100×", times >= 100)
        many = care["many"]
        what = f"{many['children']:,} idle processes"
        row(f"{what}, node's memory", f"{many['nodeMegabytes']} MB", "≤ 100 MB", many["nodeMegabytes"] <= 100)
        row(f"{what}, processor", f"{many['processorPercent']} %", "≤ 2 %", many["processorPercent"] <= 2)
        row(f"{many['crashing']} crash at once, all back", f"{many['backSeconds']} s", "≤ 2 s", many["backSeconds"] <= 2)
        cores = care["storm"]["cores"]
        row("crash storm, processor", f"{cores} cores", "≤ 1 core", cores <= 1)
    sandbox.add(results.get("sandbox"), row)
    for connections, figures in results.get("gateway", {}).items():
        if not connections.isdigit():
            continue
        added, times = figures["addedMicroseconds"], figures["timesLiteLLM"]
        naos, peer, bare = figures["naos"], figures["litellm"], figures["upstream"]
        speeds = f"{naos['rate']:,.0f} req/s, LiteLLM {peer['rate']:,.0f}, bare upstream {bare['rate']:,.0f}"
        row(f"gateway, {connections} connections", f"{speeds}: {times}× LiteLLM", "≥ 100× LiteLLM", times >= 100)
        if connections == "1":
            row("gateway, added p50", f"{added / 1000:.3f} ms", "≤ 0.15 ms", added <= 150)
            row("LiteLLM, added p50", f"{(peer['p50'] - bare['p50']) / 1000:.3f} ms")
    add_steady(results.get("gateway"), row)
    binary = results.get("binary")
    if binary:
        row("binary", f"{binary['megabytes']} MB", "≤ 36 MB", binary["megabytes"] <= 36)
        row("download (.tar.xz)", f"{binary['downloadMegabytes']} MB", "≤ 10 MB", binary["downloadMegabytes"] <= 10)
        clean = not binary["sharedSwift"] and not binary["holdsICU"]
        row("shared Swift libraries, ICU", "none" if clean else "present", "none", clean)
    return listed


def add_steady(gateway, row):
    """What the gateway was promised to add at a constant rate."""
    if not gateway or "steady" not in gateway:
        return
    best = max(figures["naos"]["rate"] for name, figures in gateway.items() if name.isdigit())
    row("gateway, the most", f"{best:,.0f} req/s", "≥ 12,000 req/s", best >= 12_000)
    steady = gateway["steady"]
    for name, figures in steady["cases"].items():
        what = f"{name}, {figures['rate']:,} a second"
        middle, tail = figures["addedP50"] / 1000, figures["addedP99"] / 1000
        bare = f"upstream {figures['upstream']['p50'] / 1000:.3f} and {figures['upstream']['p99'] / 1000:.3f}"
        row(f"{what}: added p50 and p99", f"{middle:.3f} and {tail:.3f} ms; {bare}", "≤ 0.15 and ≤ 2 ms",
            middle <= 0.15 and tail <= 2)
        if figures["isStream"]:
            first = figures["addedFirst"] / 1000
            row(f"{what}: first chunk later by", f"p50 {first:.3f} ms", "≤ 0.3 ms", first <= 0.3)
    for name, words in [("plain", "a plain SwiftNIO proxy"), ("nginx", "nginx as a proxy")]:
        for case, figures in steady["proxies"][name].items():
            text = f"{figures['addedP50'] / 1000:.3f} and {figures['addedP99'] / 1000:.3f} ms"
            if figures["isStream"]:
                text += f"; first chunk later by p50 {figures['addedFirst'] / 1000:.3f} ms"
            row(f"{words}, {case}, {figures['rate']:,} a second: added p50 and p99", text)
    for name, figures in steady["litellm"].items():
        text = f"{figures['addedP50'] / 1000:.1f} and {figures['addedP99'] / 1000:.1f} ms"
        row(f"LiteLLM, {name}, {figures['rate']} a second: added p50 and p99", text)
    cost = steady["processor"]
    row("processor a request", f"{cost['naos']} µs, a plain SwiftNIO proxy {cost['plain']} µs, nginx {cost['nginx']} µs")
    many = steady["many"]
    row(f"{many['streams']:,} streams at a time, node's memory", f"{many['megabytes']} MB", "≤ 100 MB",
        many["megabytes"] <= 100)
    durable, flush = steady["durable"], steady["durable"]["flushMilliseconds"]
    text = f"{durable['addedP50'] / 1000:.3f} ms, escrow {steady['escrowAtLowRate']['addedP50'] / 1000:.3f} ms"
    more = (durable["addedP50"] - steady["escrowAtLowRate"]["addedP50"]) / 1000
    row(f"`holds: durable`, {durable['rate']} a second: added p50", text, f"one flush more ({flush:.2f} ms, twice at most)",
        more <= 2 * flush + 0.1)


def add_flows(flows, row):
    """What durable runs were promised to be."""
    if not flows:
        return
    for runs, figures in flows["steps"].items():
        what = f"durable steps, {int(runs):,} runs at a time"
        mine = f"{figures['stepsPerSecond']:,}/s, a run of ten p50 {figures['runMilliseconds']} ms"
        row(what, f"{mine}; DBOS {figures['dbos']:,}, LangGraph {figures['langgraph']:,}, plain C {figures['plainC']:,}")
        if runs not in ("64", "256"):
            continue
        row(f"{what}, times DBOS", f"{figures['timesDBOS']}×", "≥ 50×", figures["timesDBOS"] >= 50)
        row(f"{what}, times LangGraph", f"{figures['timesLangGraph']}×", "≥ 25×", figures["timesLangGraph"] >= 25)
        row(f"{what}, of plain C", f"{figures['shareOfC']:.0%}", "≥ 50 %", figures["shareOfC"] >= 0.5)
    latency = flows["latency"]
    bound = 8 * latency["flushMilliseconds"] + 3
    row(
        "workflow of 3 steps, nothing else to do", f"p50 {latency['runMilliseconds']} ms, p99 {latency['slowRunMilliseconds']} ms",
        f"p50 ≤ 8 flushes + 3 ms = {bound:.1f} ms", latency["runMilliseconds"] <= bound)
    times = flows["history"]["times"]
    text = f"{flows['history']['many']:.0f} µs of processor, behind 10 {flows['history']['few']:.0f} µs: {times:.2f}×"
    row("step behind 10,000 entries", text, "≤ 1.1×", times <= 1.1)
    back = flows["resumption"]
    text = f"{back['workingMilliseconds'] / 1000:.2f} s until the last has its next attempt"
    row(f"{back['runs']:,} runs under way, resumed after kill -9", text, "≤ 3 s", back["workingMilliseconds"] <= 3000)
    long = flows["longJournal"]
    row(
        f"one run with {long['steps']:,} steps behind it, {long['megabytes']:.0f} MB of journal, resumed",
        f"{long['workingMilliseconds'] / 1000:.2f} s, {long['residentMegabytes']:.0f} MB at most",
        "≤ 3 s", long["workingMilliseconds"] <= 3000)
    lists = flows["lists"]
    what = f"{lists['runs']:,} finished runs"
    for name, kind in [("the slowest list", "list"), ("counts", "count"), ("show", "show")]:
        milliseconds = lists[f"{kind}Milliseconds"]
        row(f"{what}, {name}", f"{milliseconds:.1f} ms", "≤ 50 ms", milliseconds <= 50)
    row("database growth", f"{flows['steps']['64']['bytesPerStep']} bytes a step, {lists['bytesPerFinishedRun']} a run")


def machine_line(machine):
    return (
        f"{machine['date']}: {machine['cores']} cores of {machine['processor']}, {machine['memoryGB']} GB, "
        f"{machine['system']}, Linux {machine['kernel']}, {machine['fileSystem']}, "
        f"a 4 KB flush takes {machine['flushMilliseconds']} ms, load {machine['loadBefore']} before the run.")


def markdown(results):
    lines = [machine_line(results["machine"]), "", "| what | measured | promised | |", "|---|---|---|---|"]
    for what, text, promise, kept in rows(results):
        lines.append(f"| {what} | {text} | {promise} | {'' if not promise else 'kept' if kept else 'missed'} |")
    return "\n".join(lines)


def show(results):
    print(machine_line(results["machine"]))
    for what, text, promise, kept in rows(results):
        mark = " " if not promise else "✓" if kept else "✗"
        print(f"{mark} {what.replace('`', ''):32} {text}{'   (' + promise + ')' if promise else ''}")


def add_gates(gates, row):
    if not gates:
        return
    mine, peers = gates["ours"], gates["peers"]
    text = (
        f"{mine['schema'] / 1000:.2f} µs, jsonschema-rs {peers['jsonschemaRs'] / 1000:.2f} µs, "
        f"python-jsonschema {peers['pythonJsonschema'] / 1000:.0f} µs")
    row(f"output of {mine['bytes'] / 1000:.1f} KB against its schema", text, "≤ 5 µs", mine["schema"] <= 5000)
    text = f"{mine['rule'] / 1000:.2f} µs, CEL in C++ {peers['cel'] / 1000:.2f} µs"
    row("rule of two clauses", text, "≤ 1 µs", mine["rule"] <= 1000)
    text = f"p50 {mine['gateP50'] / 1000:.1f} µs, p99 {mine['gateP99'] / 1000:.1f} µs"
    kept = mine["gateP50"] <= 20_000 and mine["gateP99"] <= 100_000
    row("whole gate: parsed, schema, two rules, confidence", text, "p50 ≤ 20 µs, p99 ≤ 100 µs", kept)
    text = (
        f"{mine['regex10000'] / 1000:.0f} µs for 10,000 letters, {mine['regex1000'] / 1000:.0f} µs for 1,000; "
        f"Python's {peers['backtracking22'] / 1e6:.0f} ms for 22")
    row("`^(a+)+$` against letters that do not match", text, "linear", mine["regex10000"] <= 20 * mine["regex1000"])


def release(naos):
    """Which one is measured, by its bytes."""
    with open(naos, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stored(folder, naos):
    """What was measured of the same release before."""
    try:
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
            results = json.load(file)
    except FileNotFoundError:
        return {}
    return results if results.get("release") == release(naos) else {}


def store(results, folder, page):
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)
        file.write("\n")
    if page is None:
        return
    with open(page, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(page, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{markdown(results)}\n{END}{after}")
