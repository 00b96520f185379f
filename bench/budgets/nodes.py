# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""The node under test: a project with one agent and one budget for each cell, and what its ledger says."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time

import dialects
import processes

PORT, AGENT_PORT = 15430, 15431
PROVIDER_PORT = 15439


def dollars(nano):
    return f"{nano / 1e9:.9f}"


class Node:
    """A node of naos in a project of its own; it can be killed and started again."""

    def __init__(self, naos, folder, cells):
        self.naos, self.folder, self.cells = naos, folder, cells
        self.project = os.path.join(folder, "budget-project")
        self.process = None
        shutil.rmtree(self.project, ignore_errors=True)
        os.makedirs(os.path.join(self.project, "keys"))
        with open(os.path.join(self.project, "nexus.config.yaml"), "w", encoding="utf-8") as file:
            file.write(self.configuration())

    def configuration(self):
        base = f"http://127.0.0.1:{PROVIDER_PORT}"
        lines = [
            "name: bench-budget", f"server: {{ port: {PORT}, agentPort: {AGENT_PORT} }}", "providers:",
            f'  openai: {{ dialect: openai, baseURL: "{base}/v1", apiKey: sk-upstream }}',
            f'  anthropic: {{ dialect: anthropic, baseURL: "{base}", apiKey: sk-upstream }}',
            f'  gemini: {{ dialect: gemini, baseURL: "{base}", apiKey: sk-upstream }}', "agents:"]
        for cell in self.cells:
            file = f"keys/{cell.name}"
            lines += [
                f"  {cell.name}:",
                f"    command: [sh, -c, 'umask 077; printf %s \"$OPENAI_API_KEY\" > {file}.new && mv {file}.new {file};"
                " exec sleep infinity']",
                "    mode: service",
                f"    cost: {{ budget: {{ maxDollars: {dollars(cell.limit)} }} }}"]
        lines += ["cost:", "  models:"]
        price = f"inputPer1M: {dialects.INPUT_PRICE / 1000}, outputPer1M: {dialects.OUTPUT_PRICE / 1000}"
        lines += [f"    {model}: {{ {price} }}" for model in sorted({api.model for api in dialects.ALL})]
        return "\n".join(lines) + "\n"

    def key_file(self, cell):
        return os.path.join(self.project, "keys", cell.name)

    async def start(self, cells):
        """Starts the node and waits until the agents of these cells have their keys."""
        for cell in self.cells:
            if os.path.exists(self.key_file(cell)):
                os.remove(self.key_file(cell))
        with open(os.path.join(self.folder, "budget-node.log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.naos, "up"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.project)
        deadline = time.monotonic() + 60
        while not all(os.path.exists(self.key_file(cell)) for cell in cells):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the node did not start; see budget-node.log")
            await asyncio.sleep(0.005)

    def key(self, cell):
        with open(self.key_file(cell), encoding="utf-8") as file:
            return file.read()

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def resident_megabytes(self):
        return processes.resident_megabytes(self.process.pid)

    def ask(self, *words):
        reply = subprocess.run(
            [self.naos, *words, "-o", "json"], cwd=self.project, capture_output=True, text=True, timeout=120)
        if reply.returncode != 0:
            raise RuntimeError(f"naos {' '.join(words)}: {reply.stderr}")
        return json.loads(reply.stdout)

    def spent(self, cell):
        """What the ledger says the cell's budget has spent and holds, by `naos cost status`."""
        agent = next(row for row in self.ask("cost", "status")["agents"] if row["name"] == cell.name)
        budget = agent["budgets"][0]
        return budget["usedNanoUSD"] - budget["heldNanoUSD"], budget["heldNanoUSD"]

    def charges(self, cell):
        """Everything that was charged to the cell, by `naos cost history`."""
        return self.ask("cost", "history", cell.name, "--limit", "100000")["charges"]
