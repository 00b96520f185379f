# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The gateway beside its bare upstream and beside LiteLLM, in one run, budgets on."""

import os
import subprocess
import urllib.error
import urllib.request

import processes
import startup
import steady

HERE = os.path.dirname(os.path.abspath(__file__))
UPSTREAM = "http://127.0.0.1:9101"
GATEWAY = "http://127.0.0.1:14201"
LITELLM = "http://127.0.0.1:14000"
LITELLM_KEY = "sk-bench-peer-key"
CONNECTIONS = [1, 8, 32]
BODY = b'{"model":"gpt-4o-mini","max_tokens":64,"messages":[{"role":"user","content":"Are you there?"}]}'


def load(url, key, connections, seconds):
    """One round of load: requests a second, p50 and p99 in microseconds; a peer that lets connections wait is as slow as
    that says."""
    reply = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", os.path.join(HERE, "peers", "chat.lua"), url],
        capture_output=True, text=True, check=True, env={**os.environ, "KEY": key})
    line = next(line for line in reply.stdout.splitlines() if line.startswith("figures "))
    rate, median, tail, refused, broken = (float(word) for word in line.split()[1:])
    if refused or (broken and url != LITELLM):
        raise RuntimeError(f"{url}: {refused:.0f} answers were no success, {broken:.0f} connections broke")
    return {"rate": rate, "p50": median, "p99": tail}


def asks(url, key):
    """Whether one chat completion succeeds."""
    request = urllib.request.Request(
        url + "/v1/chat/completions", BODY,
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def wait_for_key(project):
    path = os.path.join(project, "key")
    processes.wait_until(lambda: os.path.exists(path), 30, "the agent's key")
    with open(path, encoding="utf-8") as key:
        return key.read()


def middle(rounds):
    return {name: processes.median([figures[name] for figures in rounds]) for name in rounds[0]}


def rounds_of(targets, connections, count, seconds):
    """Alternating rounds over the targets; each target's medians."""
    figures = {name: [] for name in targets}
    for index in range(count):
        names = list(targets) if index % 2 == 0 else list(reversed(targets))
        for name in names:
            url, key = targets[name]
            figures[name].append(load(url, key, connections, seconds))
    return {name: middle(rounds) for name, rounds in figures.items()}


def measure(naos, litellm, proxy, source, folder, quick):
    count, seconds = (2, 2) if quick else (5, 4)
    project = startup.make_project(source, os.path.join(folder, "gateway-project"))
    durable = startup.make_project(source, os.path.join(folder, "durable-project"))
    with open(os.path.join(durable, "nexus.config.yaml"), "a", encoding="utf-8") as config:
        config.write("  holds: durable\n")
    scratch = os.path.join(folder, "nginx")
    os.makedirs(scratch, exist_ok=True)
    nginx = ["nginx", "-p", scratch, "-e", "stderr", "-c", os.path.join(HERE, "peers", "nginx-upstream.conf")]
    peer = [
        litellm, "--config", os.path.join(HERE, "peers", "litellm.yaml"), "--host", "127.0.0.1", "--port", "14000",
        "--num_workers", "1"]
    log = lambda name: os.path.join(folder, f"{name}.log")
    with processes.running(nginx, log("nginx")), startup.node(naos, project, log("node")) as node, \
            processes.running(peer, log("litellm"), env={**os.environ, "LITELLM_TELEMETRY": "False"}):
        key = wait_for_key(project)
        processes.wait_until(lambda: asks(UPSTREAM, "none"), 10, "the upstream")
        processes.wait_until(lambda: asks(GATEWAY, key), 30, "an answer of the gateway", pause=0.05)
        processes.wait_until(lambda: asks(LITELLM, LITELLM_KEY), 180, "an answer of LiteLLM", pause=0.5)
        targets = {"upstream": (UPSTREAM, "none"), "naos": (GATEWAY, key), "litellm": (LITELLM, LITELLM_KEY)}
        for url, credential in targets.values():
            load(url, credential, 8, 1)
        figures = {}
        for connections in CONNECTIONS:
            medians = rounds_of(targets, connections, count, seconds)
            figures[str(connections)] = {
                **medians,
                "addedMicroseconds": round(medians["naos"]["p50"] - medians["upstream"]["p50"]),
                "timesLiteLLM": round(medians["naos"]["rate"] / medians["litellm"]["rate"], 1),
            }
        figures["residentMegabytes"] = round(processes.resident_megabytes(node.pid), 1)
        figures["steady"] = steady.measure(folder, node, proxy, key, LITELLM_KEY, quick)
    with processes.running(nginx, log("nginx")), startup.node(naos, durable, log("durable-node")):
        key = wait_for_key(durable)
        processes.wait_until(lambda: asks(GATEWAY, key), 30, "an answer of the gateway", pause=0.05)
        figures["steady"]["durable"] = steady.durable(folder, key, quick)
    return figures
