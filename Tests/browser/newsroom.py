# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A node of the real binary in a folder of its own, and the data that the tests and the screenshots look at."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
NAOS = os.environ.get("NAOS_BINARY") or str(HERE.parent.parent / ".build/debug/naos")
UP_SECONDS = 180


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Node:
    """A project and its node; the port stays the same when the node is killed and started again."""

    def __init__(self, template=HERE / "newsroom", name="newsroom"):
        self.root = tempfile.mkdtemp(prefix="naos-browser-")
        self.folder = pathlib.Path(self.root) / name
        if template:
            shutil.copytree(template, self.folder)
        else:
            self.folder.mkdir()
        self.port = free_port()
        self.process = None
        config = self.folder / "nexus.config.yaml"
        if config.exists():
            config.write_text(config.read_text().replace("port: 0", f"port: {self.port}, agentPort: {free_port()}"))

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    @property
    def token(self):
        return (self.folder / ".naos/token").read_text().strip()

    def up(self, **environment):
        """Starts the node and waits for the line that says that it is up."""
        self.process = subprocess.Popen(
            [NAOS, "up"], env={**os.environ, **environment}, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        ready = threading.Event()
        said = []

        def read():
            for line in self.process.stderr:
                said.append(line)
                if "node up" in line:
                    ready.set()
            ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not ready.wait(UP_SECONDS) or self.process.poll() is not None:
            raise RuntimeError("the node did not come up: " + "".join(said))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.ended(None)

    def ended(self, seconds):
        self.process.wait(seconds)
        self.reader.join()
        self.process.stderr.close()

    def down(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.ended(UP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def naos(self, *arguments, check=True):
        done = subprocess.run(
            [NAOS, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=UP_SECONDS)
        if check and done.returncode != 0:
            raise RuntimeError(f"naos {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return done

    def raw(self, method, path, body=None, headers=None):
        """Status, headers and body of any request, also of one that is refused."""
        request = urllib.request.Request(
            self.url + path, method=method, headers=headers or {}, data=None if body is None else json.dumps(body).encode())

        class Still(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        try:
            with urllib.request.build_opener(Still).open(request, timeout=UP_SECONDS) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def api(self, path, method="GET", body=None):
        status, _, text = self.raw(method, "/api/v1" + path, body, {"Authorization": f"Bearer {self.token}"})
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {text.decode()}")
        return json.loads(text) if text else None

    def metrics(self):
        return self.raw("GET", "/metrics", headers={"Authorization": f"Bearer {self.token}"})[2].decode()

    def login_link(self, token=None):
        """A link of the owner, or of whoever has that token."""
        status, _, text = self.raw("POST", "/api/v1/login-codes", headers={"Authorization": f"Bearer {token or self.token}"})
        assert status == 201, text
        return f"{self.url}/login#{json.loads(text)['code']}"

    def person(self, name, role, *more):
        """The token of somebody with that role."""
        return self.naos("token", "create", name, "--role", role, *more).stdout.strip()

    def asks(self, page, **more):
        """A run that waits for an approval, and that approval."""
        run = self.run("printer", {"page": page, **more}, wait=False)["id"]
        while not (open := self.api(f"/approvals?run={run}")["approvals"]):
            time.sleep(0.05)
        return run, open[0]

    def run(self, name, value=None, wait=True):
        run = self.api("/runs", "POST", {"name": name, "input": value})
        while wait and run["status"] not in FINAL:
            run = self.api(f"/runs/{run['id']}/wait?seconds=30") or run
            if run["status"] in ("suspended", "paused"):
                break
        return run

    def over(self, run):
        """The run once it has ended."""
        while not (now := self.api(f"/runs/{run}/wait?seconds=30")) or now["status"] not in FINAL:
            pass
        return now


FINAL = {"completed", "failed", "compensated", "compensated-partial", "cancelled", "stopped", "halted"}


def fill(node):
    """A saga that went back and one that did not, workflows that wait and that are over, votes, tasks, and costs."""
    jam = node.folder / "desk/jam"
    jam.parent.mkdir(exist_ok=True)
    jam.touch()
    runs = {"back": node.run("publish-article", {"topic": "rivers"})}
    jam.unlink()
    runs["forth"] = node.run("publish-article", {"topic": "bridges"})
    runs["waits"] = node.run("review", {"topic": "harbours"}, wait=False)
    for question in ("What does a compensation do when step five fails?", "Who takes a compensation back?", "What is new?"):
        runs["briefing"] = node.run("briefing", {"question": question})
    node.asks({"headline": "Bridge opens", "copies": 12_000}, reason="The presses wait for the front page.")
    runs["answer"] = node.run("researcher", "What does a compensation do?")
    for _ in range(3):
        node.run("summariser", "Say what happens when step five of a saga fails, in one sentence and without a word too many.")
    # Its budget is small: sooner or later it says no.
    for number in range(40):
        if node.run("summariser", f"Say it again, the {number}th time. " * 8)["status"] != "completed":
            break
    tasks = [node.run("translators", {"text": f"Guten Morgen {number}"}, wait=False) for number in range(8)]
    runs["task"] = tasks[0]
    return runs


EMPTY = "name: empty\nserver: { port: 0 }\n"


def empty_node(more=""):
    """A project in which there is nothing yet, or only these agents."""
    node = Node(template=None, name="empty")
    (node.folder / "nexus.config.yaml").write_text((EMPTY + more).replace("port: 0", f"port: {node.port}, agentPort: {free_port()}"))
    return node
