// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Process agents in a sandbox, below a real node.
@Suite(.seated)
struct SandboxTests {
  /// Says at once what it could do, one line each: `name=value`.
  private static let probe = """
    import json, os, socket, sys, urllib.request

    def attempt(body):
        try:
            return str(body())
        except BaseException as error:
            return type(error).__name__ + ":" + str(getattr(error, "errno", "") or "")

    def read(path):
        with open(path, "rb") as file:
            return len(file.read(4096))

    def write(path):
        with open(path, "w") as file:
            file.write("x")
        return "written"

    def connect(host, port, kind=socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
            s.settimeout(2)
            s.connect((host, port))
            if kind == socket.SOCK_DGRAM:
                s.send(b"x")
            return "connected"

    def gateway():
        request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", method="POST",
            data=json.dumps({"model": "local/extractive", "messages": [{"role": "user", "content": "hi"}]}).encode(),
            headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"})
        return urllib.request.urlopen(request, timeout=20).status

    project = os.environ["PROJECT"]
    found = {
        "uid": os.getuid(),
        "gateway": attempt(gateway),
        "own": attempt(lambda: read(project + "/agent.py")),
        "secret": attempt(lambda: read(project + "/.env")),
        "state": attempt(lambda: os.listdir(project + "/.naos")),
        "shadow": attempt(lambda: read("/etc/shadow")),
        "home": attempt(lambda: os.listdir("/root")),
        "workdir": attempt(lambda: write(project + "/new")),
        "granted": attempt(lambda: write(project + "/out/new")),
        "moved": attempt(lambda: read("/data/one.txt")),
        "moved-write": attempt(lambda: write("/data/two.txt")),
        "tmp": attempt(lambda: write("/tmp/new")),
        "sysctl": attempt(lambda: write("/proc/sys/kernel/core_pattern")),
        "init": attempt(lambda: read("/proc/1/environ")),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "operator": attempt(lambda: connect("127.0.0.1", int(os.environ["OPERATOR"]))),
        "ip": attempt(lambda: connect("1.1.1.1", 80)),
        "ip6": attempt(lambda: connect("2606:4700:4700::1111", 80)),
        "udp": attempt(lambda: connect("8.8.8.8", 53, socket.SOCK_DGRAM)),
        "metadata": attempt(lambda: connect("169.254.169.254", 80)),
        "name": attempt(lambda: socket.getaddrinfo("example.org", 80)),
        "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
        "packet": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "vsock": attempt(lambda: socket.socket(40, socket.SOCK_STREAM)),
        "netlink": attempt(lambda: socket.socket(16, socket.SOCK_RAW)),
        "variables": sorted(os.environ),
        "python": sys.executable,
    }
    with open(os.environ["NAOS_OUTPUT"], "w") as file:
        json.dump(found, file)
    """

  /// Cancels the test, visibly, where the machine cannot make a sandbox.
  static func needSandbox(_ project: Project) async throws {
    let doctor = try await project.naos("doctor").out
    let line = try #require(doctor.split(separator: "\n").first { $0.contains("user namespace: ") })
    let lacks = line.split(separator: ",").filter { !$0.contains(": yes") && !$0.contains("Landlock") }
    guard lacks.isEmpty else { try Test.cancel("no sandbox can be made here: \(lacks)") }
  }

  @Test func `an agent in a sandbox reaches the gateway, its grants and nothing else`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      try project.write(Self.probe, to: "agent.py")
      try project.write("SECRET=1\n", to: ".env")
      for folder in ["out", "in"] {
        try FileManager.default.createDirectory(atPath: project.path(folder), withIntermediateDirectories: true)
      }
      try project.write("one", to: "in/one.txt")
      try project.write(
        """
        name: box
        server: { port: 0 }
        agents:
          inside:
            command: [\(python), agent.py]
            env: { PROJECT: \(project.path(".")), OPERATOR: "4200" }
            sandbox:
              fs: [{ path: out, mode: rw }, { path: in, as: /data }]
              net: []
            retry: 1

        """, to: "nexus.config.yaml")
      try await Self.needSandbox(project)
      let run = try await project.naos("run", "inside", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let found = try #require(run.json["output"])
      func value(_ name: String) -> String { found[name]?.stringValue ?? "\(String(describing: found[name]))" }
      #expect(found["uid"]?.intValue == 1000)
      #expect(value("gateway") == "200")
      for name in ["own", "granted", "moved", "tmp"] {
        #expect(!value(name).contains("Error"), "\(name): \(value(name))")
      }
      #expect(value("secret") == "0" && value("state") == "[]")
      for name in ["shadow", "workdir", "moved-write", "sysctl", "init"] {
        #expect(value(name).contains("Error"), "\(name): \(value(name))")
      }
      for name in ["operator", "ip", "ip6", "udp", "metadata", "name", "raw", "packet", "vsock", "netlink"] {
        #expect(value(name).contains("rror"), "\(name): \(value(name))")
      }
      #expect(try #require(found["processes"]?.intValue) <= 3)
      #expect(FileManager.default.fileExists(atPath: project.path("out/new")))
      #expect(!FileManager.default.fileExists(atPath: project.path("new")))
      let variables = found["variables"]?.arrayValue?.compactMap(\.stringValue) ?? []
      let known = ["PATH", "HOME", "TMPDIR", "LANG", "PROJECT", "OPERATOR", "LC_CTYPE"]
      for name in variables where !known.contains(name) {
        let isContract = ["NAOS_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_"].contains { name.hasPrefix($0) }
        #expect(isContract, "\(name)")
      }
    }
  }

  @Test func `what cannot be shown refuses the run with its reason`() async throws {
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      agents:
        inside: { command: ["true"], sandbox: { fs: [nowhere] } }

      """
    ) { project in
      try await Self.needSandbox(project)
      let run = try await project.naos("run", "inside", "-o", "json")
      #expect(run.status != 0)
      let error = try run.json["error"]
      #expect(error?["code"]?.stringValue == "NX-SBX-001", "\(run.out)")
      #expect(error?["message"]?.stringValue?.contains("nowhere") == true, "\(run.out)")
      let rows = try await SandboxAttackTests.denials(in: project)
      #expect(rows.count == 1 && rows[0].hasPrefix("unavailable ") && rows[0].contains("nowhere"), "\(rows)")
      let id = try #require(run.json["id"]?.stringValue)
      let explained = try await project.naos("sandbox", "explain", id).out
      #expect(explained.contains("no grant helps where a sandbox cannot be made"), "\(explained)")
      let logs = try await project.naos("logs", "inside").out
      #expect(logs.contains("naos: denied: the sandbox cannot be made: "), "\(logs)")
    }
  }

  /// No process, and no namespace, mount or control group that it was in.
  @Test func `killing the node ends everything in a sandbox`() async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project, endsWithWriters: true)
      // The second one has left session, group and environment behind.
      try project.write(
        """
        exec 9>"$LINE"
        for kind in mnt net pid user ipc uts cgroup; do echo "0 $(readlink /proc/self/ns/$kind)" >&9; done
        (setsid env -i /bin/sh -c "echo 0 double >&9; while :; do sleep 1000; done" &)
        echo "0 main" >&9
        while :; do sleep 1000; done
        """, to: "agent.sh")
      try project.write(
        """
        name: box
        server: { port: 0 }
        agents:
          inside:
            mode: service
            command: [sh, agent.sh]
            env: { LINE: \(lifeline.path) }
            sandbox: { fs: [{ path: lifeline, mode: rw }] }

        """, to: "nexus.config.yaml")
      try await Self.needSandbox(project)
      let node = try await project.up()
      try await lifeline.announcements(9)
      let spaces = lifeline.lines.compactMap { line in line.contains(":[") ? line.split(separator: " ").last : nil }
      #expect(spaces.count == 7, "\(lifeline.lines)")
      let groups = try await Self.controlGroups(of: "inside", project)
      #expect(try await Self.traces(of: spaces.map(String.init), groups, project).count > spaces.count)
      node.signal(SIGKILL)
      try await node.end()
      try await lifeline.end()
      // Its warden, which outlives the node for that, removes the control groups a moment later.
      var left: [String] = []
      for _ in 0..<400 {
        left = try await Self.traces(of: spaces.map(String.init), groups, project)
        guard !left.isEmpty else { return }
        try await project.naos("--version")
      }
      Issue.record("left behind: \(left)")
    }
  }

  /// The folders of the control groups that an agent's process is in; those of the machine itself are not its own.
  private static func controlGroups(of agent: String, _ project: Project) async throws -> [String] {
    let pid = try #require(try await project.naos("inspect", agent, "-o", "json").json["pid"]?.intValue)
    func groups(_ pid: String) -> Set<String> {
      let text = (try? String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8)) ?? ""
      return Set(text.split(separator: "\n").map(String.init))
    }
    return groups("\(pid)").subtracting(groups("self")).flatMap { line in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3, parts[2] != "/" else { return [String]() }
      return [parts[1], "unified", ""].map { "/sys/fs/cgroup/\($0)\(parts[2])" }
    }.filter { FileManager.default.fileExists(atPath: $0) }
  }

  /// What there still is of namespaces, whoever holds them, of control groups, and of mounts of the project.
  private static func traces(of spaces: [String], _ groups: [String], _ project: Project) async throws -> [String] {
    let files = FileManager.default
    var found = groups.filter { files.fileExists(atPath: $0) }
    for pid in try files.contentsOfDirectory(atPath: "/proc") where pid.allSatisfy(\.isNumber) {
      for folder in ["ns", "fd"] {
        let place = "/proc/\(pid)/\(folder)"
        for name in (try? files.contentsOfDirectory(atPath: place)) ?? [] {
          let target = (try? files.destinationOfSymbolicLink(atPath: "\(place)/\(name)")) ?? ""
          if spaces.contains(target) { found.append("\(place)/\(name) → \(target)") }
        }
      }
    }
    let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    found += mounts.split(separator: "\n").map(String.init).filter { line in
      line.contains(project.folder) || spaces.contains { line.contains($0) }
    }
    return found
  }
}
