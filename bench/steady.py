# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""What the gateway adds to each answer at a constant rate, whether it keeps up or not, with budgets on.

A time counts from the moment at which a request was due (peers/steady.c). The upstream (peers/upstream.c) gives fixed
answers of one and ten kilobytes and streams of 200 chunks. Rounds alternate between the bare upstream and the gateway;
what is added is the difference of their medians.
"""

import os
import subprocess
import time

import machine
import processes

HERE = os.path.dirname(os.path.abspath(__file__))
UPSTREAM_PORT, NGINX_PORT, PROXY_PORT, GATEWAY_PORT, LITELLM_PORT = 9103, 9104, 9105, 14201, 14000
CONNECTIONS = 64
# Name, path on the bare upstream, model at the gateway, requests a second, bytes of the prompt, whether it streams.
CASES = [
    ("answers of 1 KB", "/kb1", "kb1", 1000, 160, False),
    ("answers of 10 KB", "/kb10", "kb10", 1000, 160, False),
    ("prompts of 100 KB", "/kb1", "kb1", 200, 100_000, False),
    ("streams of 200 chunks, 2 ms apart", "/stream/2", "stream", 50, 160, True),
]
PEER_CASES = [
    ("answers of 1 KB", "/kb1", "kb1", 20, 160, False),
    ("streams of 200 chunks, 2 ms apart", "/stream/2", "stream", 2, 160, True),
]
LOW_RATE = 100
STREAMS = 1000


def figures_of(output):
    words = next(line for line in output.splitlines() if line.startswith("figures ")).split()[1:]
    done, refused, broken = (int(word) for word in words[:3])
    if refused or broken or not done:
        raise RuntimeError(f"{done} answers, {refused} that were no success, {broken} that never came")
    names = ["p50", "p99", "p999", "first", "first99", "atATime"]
    return {"answers": done, **{name: float(word) for name, word in zip(names, words[3:])}}


def command(folder, port, path, model, rate, prompt, streams, seconds, connections=CONNECTIONS):
    return [
        os.path.join(folder, "steady"), str(port), f"{path}/v1/chat/completions", str(rate), str(seconds),
        str(connections), str(prompt), "stream" if streams else "whole", f"{model}/gpt-4o-mini"]


def ask(folder, port, key, path, model, rate, prompt, streams, seconds):
    reply = subprocess.run(
        command(folder, port, path, model, rate, prompt, streams, seconds), capture_output=True, text=True, check=True,
        env={**os.environ, "KEY": key})
    return figures_of(reply.stdout)


def compare(folder, case, gateway, key, rounds, seconds, at=""):
    """Alternating rounds of the bare upstream and a gateway, whose paths begin with `at`."""
    name, path, model, rate, prompt, streams = case
    measured = {"upstream": [], "gateway": []}
    for index in range(rounds):
        for who in ["upstream", "gateway"] if index % 2 == 0 else ["gateway", "upstream"]:
            port, root, credential = (UPSTREAM_PORT, path, "none") if who == "upstream" else (gateway, at, key)
            measured[who].append(ask(folder, port, credential, root, model, rate, prompt, streams, seconds))

    def middle(who, what):
        return processes.median([figures[what] for figures in measured[who]])

    medians = {who: {what: middle(who, what) for what in ["p50", "p99", "p999", "first"]} for who in measured}
    bare, with_gateway = medians["upstream"], medians["gateway"]
    return {
        "rate": rate, "isStream": streams, **medians, "addedP50": with_gateway["p50"] - bare["p50"],
        "addedP99": with_gateway["p99"] - bare["p99"], "addedFirst": with_gateway["first"] - bare["first"]}


def processor_microseconds(folder, pids, port, key, path, model, seconds):
    """The processor time of these processes for each of 1,000 requests a second, in microseconds."""
    before = sum(processes.processor_seconds(pid) for pid in pids)
    figures = ask(folder, port, key, path, model, 1000, 160, False, seconds)
    used = sum(processes.processor_seconds(pid) for pid in pids) - before
    return round(used * 1e6 / figures["answers"])


def memory_with_many_streams(folder, node, key):
    """The node's memory while so many streams of ten seconds are under way."""
    asking = subprocess.Popen(
        command(folder, GATEWAY_PORT, "", "slow-stream", STREAMS / 5, 160, True, 5, STREAMS),
        stdout=subprocess.PIPE, text=True, env={**os.environ, "KEY": key})
    most = 0.0
    while asking.poll() is None:
        most = max(most, processes.resident_megabytes(node.pid))
        time.sleep(0.1)
    figures = figures_of(asking.stdout.read())
    return {"streams": int(figures["atATime"]), "megabytes": round(most, 1)}


def upstream(folder):
    return processes.running([os.path.join(folder, "upstream"), str(UPSTREAM_PORT)], os.path.join(folder, "upstream.log"))


def wait_until_up(folder, path="/kb1"):
    def answers():
        try:
            return ask(folder, UPSTREAM_PORT, "none", path, "kb1", 10, 160, False, 0.2)["answers"] > 0
        except (RuntimeError, subprocess.CalledProcessError):
            return False
    processes.wait_until(answers, 10, "the upstream", pause=0.05)


def measure(folder, node, proxy, key, litellm_key, quick):
    rounds, seconds = (2, 2) if quick else (5, 5)
    scratch = os.path.join(folder, "nginx-proxy")
    os.makedirs(scratch, exist_ok=True)
    nginx_command = ["nginx", "-p", scratch, "-e", "stderr", "-c", os.path.join(HERE, "peers", "nginx-proxy.conf")]
    log = lambda name: os.path.join(folder, f"{name}.log")
    with upstream(folder), processes.running(nginx_command, log("nginx-proxy")) as nginx, \
            processes.running([proxy, str(PROXY_PORT), str(UPSTREAM_PORT)], log("plain-proxy")) as plain:
        wait_until_up(folder)
        ask(folder, GATEWAY_PORT, key, "", "kb1", 500, 160, False, 2)
        result = {"cases": {case[0]: compare(folder, case, GATEWAY_PORT, key, rounds, seconds) for case in CASES}}
        low = ("", "/kb1", "kb1", LOW_RATE, 160, False)
        result["escrowAtLowRate"] = compare(folder, low, GATEWAY_PORT, key, rounds, seconds)
        worker = [pid for pid in processes.descendants(nginx.pid) if pid != nginx.pid]
        for port in [NGINX_PORT, PROXY_PORT]:
            ask(folder, port, "none", "/kb1", "kb1", 500, 160, False, 2)
        # What it takes to pass an answer on at all; their paths are the upstream's.
        result["proxies"] = {
            name: {case[0]: compare(folder, case, port, "none", rounds, seconds, at=case[1]) for case in CASES}
            for name, port in [("plain", PROXY_PORT), ("nginx", NGINX_PORT)]}
        result["processor"] = {
            "naos": processor_microseconds(folder, [node.pid], GATEWAY_PORT, key, "", "kb1", 2 * seconds),
            "plain": processor_microseconds(folder, [plain.pid], PROXY_PORT, "none", "/kb1", "kb1", 2 * seconds),
            "nginx": processor_microseconds(folder, worker, NGINX_PORT, "none", "/kb1", "kb1", 2 * seconds),
        }
        result["many"] = memory_with_many_streams(folder, node, key)
        result["litellm"] = {
            case[0]: compare(folder, case, LITELLM_PORT, litellm_key, 2, 10 if not quick else 5) for case in PEER_CASES}
    return result


def durable(folder, key, quick):
    """The same with every hold flushed by itself, at a rate at which no two share a flush."""
    rounds, seconds = (2, 2) if quick else (5, 5)
    with upstream(folder):
        wait_until_up(folder)
        ask(folder, GATEWAY_PORT, key, "", "kb1", 50, 160, False, 2)
        figures = compare(folder, ("", "/kb1", "kb1", LOW_RATE, 160, False), GATEWAY_PORT, key, rounds, seconds)
    return {**figures, "flushMilliseconds": round(machine.flush_milliseconds(folder), 2)}
