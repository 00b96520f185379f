# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A project whose node lives until it is killed, and what is on its disk then."""
import contextlib, json, os, pathlib, shutil, signal, struct, subprocess, tempfile, threading

from rules import Difference
from scenarios import ACT, AGENTS, FLOW

TIMEOUT = 60
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


class NodeGone(Exception):
    """The node that a command asked was killed."""


@contextlib.contextmanager
def made_store(options):
    """The folder of a node that came up and went down again, for projects to begin with; None with --creation."""
    if options.creation:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="naos-crash-") as path:
        (pathlib.Path(path) / "nexus.config.yaml").write_text("name: crash\nserver: { port: 0 }\n")
        node = Node(options.naos, path, {name: os.environ[name] for name in INHERITED if name in os.environ})
        up, code = node.is_up(), node.end()
        if not up or code != 0:
            raise Difference(f"the node that makes the database ended with {code}: {node.text[-900:]}")
        yield pathlib.Path(path) / ".naos"


class Project:
    def __init__(self, options, scenario):
        self.options, self.scenario = options, scenario
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="naos-crash-"))
        (self.path / "nexus.config.yaml").write_text(AGENTS + scenario.config + "server: { port: 0 }\n")
        (self.path / "act.sh").write_text(ACT)
        (self.path / "effects").mkdir()
        (self.path / "executions").touch()
        if options.store is not None:
            shutil.copytree(options.store, self.path / ".naos")
        self.journals = {}
        self.node = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    # The lives of a node

    def _environment(self, crash_at, torn):
        env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        env["BINARY"] = self.options.naos
        if crash_at is not None:
            env |= {
                "LD_PRELOAD": self.options.crashpoint, "NAOS_CRASH_AT": str(crash_at),
                "NAOS_CRASH_COUNT": str(self.path / "count"), "NAOS_CRASH_TORN": "1" if torn else "0",
                "NAOS_CRASH_SPACE": "1" if self.options.creation else "0"}
        return env

    def naos(self, *arguments, env=None):
        """A command. One that waits for a node is ended with it: it is not to go on with a node of its own."""
        env = self._environment(None, False) if env is None else env
        command = subprocess.Popen(
            [self.options.naos, *arguments], cwd=self.path, env=env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.node is not None:
            self.node.commands.append(command)
            if self.node.is_over.is_set():
                command.kill()
        try:
            out, err = command.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            command.kill()
            command.communicate()
            raise Difference(f"`naos {' '.join(arguments)}` was not over after {TIMEOUT} s")
        if self.node is not None and (
            self.node.is_over.is_set() or "NX-API-006" in err and self.node.is_over.wait(TIMEOUT)
        ):
            # The sockets of a killed process are closed before anybody can know that it is dead.
            raise NodeGone
        return subprocess.CompletedProcess(arguments, command.returncode, out, err)

    def live(self, crash_at=None, torn=False, up=False):
        """One life: until the work is done, or until the crash.

        Returns whether the node was killed, and the last command.
        """
        if crash_at is not None:
            # Each life counts anew.
            (self.path / "count").unlink(missing_ok=True)
        env = self._environment(crash_at, torn)
        if not up:
            lived = self.naos(*FLOW, env=env)
            return lived.returncode == -signal.SIGKILL, lived
        self.node = node = Node(self.options.naos, self.path, env)
        lived = None
        try:
            if node.is_up():
                lived = self.scenario.drive(self)
        except NodeGone:
            pass
        finally:
            code = node.end()
            self.node = None
        if crash_at is None and code != 0:
            raise Difference(f"the node ended with {code}: {node.text[-900:]}")
        if lived is None:
            lived = subprocess.CompletedProcess(["up"], code, "", node.text)
        return code == -signal.SIGKILL, lived

    def changes(self):
        return struct.unpack("q", (self.path / "count").read_bytes())[0]

    # What is on the disk

    def has_store(self):
        return (self.path / ".naos" / "nexus.db").exists()

    def read(self, *arguments):
        shown = self.naos(*arguments, "-o", "json")
        if shown.returncode != 0:
            raise Difference(f"the store cannot be read: `naos {' '.join(arguments)}`: {shown.stderr}")
        return json.loads(shown.stdout)

    def run_ids(self):
        if not self.has_store():
            return []
        return [row["id"] for row in self.read("runs", "list", "--all", "--limit", "500")["runs"]]

    def read_journals(self):
        self.journals = {}
        for run in self.run_ids():
            page = self.read("runs", "journal", run, "-n", "1000")
            if page["next"] is not None:
                raise Difference(f"the journal of {run} is longer than 1,000 entries")
            self.journals[run] = page["entries"]
        return self.journals

    def executions(self):
        """Every execution of a step, as its agent wrote it down: its run, its path, its attempt."""
        lines = [line.split() for line in (self.path / "executions").read_text().splitlines()]
        # A retry that a validator asked for has a key of its own, and is an attempt of the same step.
        return [(*key.split("#g")[0].split("/", 1), int(attempt)) for key, attempt in lines]

    def known(self, name, forked=False):
        """The run of this name, if one was on the disk when it was read last."""
        for run, entries in self.journals.items():
            if entries[0]["entry"]["name"] == name and any(entry["kind"] == "forked" for entry in entries) == forked:
                return run
        return None

    def label(self, run):
        """What a run is called in every project: its name, and what it was started for."""
        created = self.journals[run][0]["entry"]
        if any(entry["kind"] == "forked" for entry in self.journals[run]):
            return created["name"] + " forked"
        key = created["idempotencyKey"] or ""
        if key.startswith("schedule:"):
            return f"{created['name']} at {key.split(':', 2)[2]}"
        return created["name"] + (" of " + key.split("/", 1)[1] if key.startswith("run_") else "")

    def kind(self, run):
        """As the label, without what tells runs of a schedule apart."""
        return self.label(run).split(" at ")[0]

    def effects(self):
        names = []
        for entry in (self.path / "effects").iterdir():
            run = next((run for run in self.journals if entry.name.startswith(run + "_")), None)
            names.append(f"{self.label(run)}{entry.name[len(run):]}" if run else f"of nobody: {entry.name}")
        return sorted(names)

    def end(self):
        """What has to be the same: of each run how it and its steps ended, and the effects outside."""
        runs = {}
        self.read_journals()
        for run in self.journals:
            shown, label = self.read("runs", "show", run), self.label(run)
            if label in runs:
                raise Difference(f"there are two runs of {label}")
            steps = {step["path"]: step["status"] for step in shown["steps"]}
            runs[label] = {
                "status": shown["status"], "reason": shown["pauseReason"], "output": shown["output"],
                "error": (shown["error"] or {}).get("code"), "steps": steps}
        return self.scenario.comparable({"runs": runs, "effects": self.effects()})


class Node:
    """`naos up`, until it ends."""

    def __init__(self, naos, path, env):
        self.text, self.commands = "", []
        self.is_over, self._says = threading.Event(), threading.Event()
        self._process = subprocess.Popen(
            [naos, "up"], cwd=path, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._reader.start()
        self._waiter.start()

    def _read(self):
        for line in self._process.stderr:
            self.text += line
            if "node up" in line:
                self._says.set()

    def _wait(self):
        self._process.wait()
        self.is_over.set()
        self._says.set()
        for command in list(self.commands):
            command.kill()

    def is_up(self):
        """Waits until it serves, or is dead."""
        if not self._says.wait(TIMEOUT):
            raise Difference("the node did not come up")
        return not self.is_over.is_set()

    def end(self):
        """Shuts it down, if it lives, and gives its exit code."""
        self._process.terminate()
        in_time = self.is_over.wait(TIMEOUT)
        self._process.kill()
        self._waiter.join()
        self._reader.join()
        if not in_time:
            raise Difference("the node did not shut down")
        return self._process.returncode
