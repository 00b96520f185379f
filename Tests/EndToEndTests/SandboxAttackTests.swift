// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import NexusCore
import Testing

/// The attacks of docs/internals/sandbox-attacks.md on the path of processes, by an agent of a real node.
@Suite(.seated)
struct SandboxAttackTests {
  /// What may come of each attack; several where kernels differ in what says no first.
  private static let expected: [String: Set<String>] = [
    // Without Landlock's scopes the signal is sent, and the kernel drops it: a first process is not killed from within.
    "22 signal to the first process": ["EPERM", "done"],
    "22 ptrace of the first process": ["EPERM"], "22 memory of the first process": ["EACCES", "EPERM"],
    "22 process_vm_readv": ["EPERM"], "22 pidfd_getfd": ["EPERM"], "22 bpf": ["EPERM"], "22 perf": ["EPERM"],
    "22 keyctl": ["EPERM"], "22 userfaultfd": ["EPERM"], "22 kexec": ["EPERM"], "22 modules": ["EPERM"],
    "22 terminal injection": ["EPERM"], "22 personality": ["EPERM"],
    "23 setuid programs": ["nosuid"], "23 new privileges": ["1"], "23 setuid(0)": ["EPERM", "EINVAL"],
    "23 openat2": ["ENOSYS"], "23 a copy with its mode": ["exit 0"], "23 ordinary modes": ["done"],
    "24 unshare": ["EPERM"], "24 clone": ["EPERM"], "24 clone3": ["ENOSYS"], "24 setns": ["EPERM"],
    "25 memfd exec": ["filtered"], "20 fork bomb": ["EAGAIN"],
    "26 dots": ["ENOENT"], "26 root of the first process": ["EACCES", "EPERM"], "26 own root": ["ENOENT"],
    "26 keys of ssh": ["ENOENT"], "26 environment of the first process": ["EACCES", "EPERM"],
    "26 files of the first process": ["EACCES", "EPERM"], "26 kernel setting": ["EROFS", "EACCES"],
    "26 sysrq": ["EROFS", "EACCES", "ENOENT"], "26 sys": ["ENOENT"], "26 control groups": ["ENOENT"],
    "26 docker": ["ENOENT"],
    "26 journal": ["ENOENT"], "26 token": ["ENOENT"], "26 .env": ["empty"], "26 .git": ["empty"],
    "26 uncovering .git": ["EBUSY", "EROFS", "EACCES"], "26 mount": ["EPERM"], "26 umount": ["EPERM"],
    "26 chroot": ["EPERM"], "26 open_by_handle_at": ["EPERM"], "26 hard link": ["EXDEV", "EACCES", "EPERM"],
    "26 program": ["EROFS", "EACCES"], "26 workdir": ["EROFS", "EACCES"], "26 mode of workdir": ["EROFS"],
    "26 link from a grant": ["ENOENT"],
    "27 a startup file that is there": ["EROFS"], "27 another in its place": ["EBUSY", "EXDEV"],
    // What is not there cannot be covered; it is told (`written`).
    "27 a hook of git": ["done"], "27 a startup file": ["done"], "27 by another name": ["done"],
    "28 device node": ["EPERM"], "28 disk": ["ENOENT"], "28 memory device": ["ENOENT"],
    // A mark of overlay file systems is no device; some file systems and old kernels let nobody make one.
    "28 mark of an overlay": ["done", "EPERM"], "28 pipe": ["done"],
    "75 lease": ["EPERM"], "75 lease to read": ["EPERM"], "75 delegation": ["EPERM"], "75 notification": ["EPERM"],
    "76 lock of the folder": ["done"], "76 lock of the configuration": ["done"], "76 lock of the editing": ["ENOENT"],
    "29 names": ["ENAMETOOLONG"], "17 full /tmp": ["ENOSPC"], "17 full folder of the output": ["ENOSPC"],
    "17 reserved space": ["ENOSPC", "EFBIG"],
    "18 full /dev/shm": ["ENOSPC"], "30 a million files": ["ENOSPC"], "45 open files": ["EMFILE"],
    "31 operator plane": ["ECONNREFUSED"], "31 operator plane by 0.0.0.0": ["ECONNREFUSED"],
    "32 metadata by name": ["gaierror"], "33 name": ["gaierror"], "33 name server": ["ENETUNREACH"],
    "33 own name server": ["TimeoutError"],
    "37 udp": ["ENETUNREACH"], "37 raw": ["EPERM"], "37 ping": ["EACCES", "EPERM", "ENETUNREACH"],
    "37 packet": ["EAFNOSUPPORT"], "37 vsock": ["EAFNOSUPPORT"], "37 netlink": ["EAFNOSUPPORT"],
    "37 kernel crypto": ["EAFNOSUPPORT"], "37 abstract socket": ["ECONNREFUSED"], "37 path socket": ["ENOENT"],
    "21 leaving a daemon": ["done"],
    "37 io_uring": ["ENOSYS"], "38 curl without proxy": ["exit 7"], "55 clock": ["EPERM"],
    "41 host name": ["agent"], "41 core dumps": ["none"], "41 open files": ["0 1 2"], "41 other processes": ["few"],
    "41 kernel addresses": ["hidden"],
  ]

  /// A project whose agent `attacker` runs `attacks.py`.
  static func prepare(_ project: Project, _ python: String, abstract: String) throws {
    try project.copy(Checkout.support("attacks.py"), to: "agent.py")
    try project.write("SECRET=1\n", to: ".env")
    for folder in ["out", ".git"] {
      try FileManager.default.createDirectory(atPath: project.path(folder), withIntermediateDirectories: true)
    }
    try project.write("secret", to: ".git/config")
    try project.write("{}", to: "out/.mcp.json")
    try project.write(
      """
      name: box
      server: { port: 0 }
      agents:
        attacker:
          command: [\(python), agent.py]
          env: { PROJECT: \(project.path(".")), OPERATOR: "4200", ABSTRACT: \(abstract) }
          sandbox:
            fs: [{ path: out, mode: rw }]
            limits: { pids: 40, files: 100, disk: 8MiB }
            learn: true
          retry: 1
        plain: { command: [echo, fine], sandbox: {} }

      """, to: "nexus.config.yaml")
  }

  /// Holds what came of each attack against what may.
  static func judge(_ found: JSONObject) {
    for (name, outcomes) in expected {
      let outcome = found[name]?.stringValue ?? "missing"
      #expect(outcomes.contains(outcome), "\(name): \(outcome)")
    }
    // Modes that would make a program of the agent's one of its owner's, for everybody outside.
    let modes = found.filter { $0.key.hasPrefix("23 ") && expected[$0.key] == nil }
    #expect(modes.count == 54, "\(modes.map(\.key))")
    for member in modes { #expect(member.value.stringValue == "EPERM", "\(member.key): \(member.value)") }
    // Nothing is reached by any spelling of an address.
    for member in found where expected[member.key] == nil && !member.key.hasPrefix("23 ") {
      #expect(member.key.hasPrefix("31 "), "\(member.key) is expected nowhere")
      #expect(["ENETUNREACH", "EHOSTUNREACH"].contains(member.value.stringValue), "\(member.key): \(member.value)")
    }
  }

  /// What of the attacks has to stand in the audit log; the rest the kernel refuses by itself, and tells nobody.
  private static let written: [String] =
    [
      "ptrace", "process_vm_readv", "pidfd_getfd", "bpf", "perf_event_open", "keyctl", "userfaultfd", "kexec_load",
      "finit_module", "ioctl TIOCSTI", "personality", "unshare", "clone namespaces", "setns", "mount", "umount2",
      "chroot", "open_by_handle_at", "clock_settime", "socket SOCK_RAW", "socket AF_PACKET", "socket AF_VSOCK",
      "socket AF_ALG", "fcntl F_SETLEASE", "fcntl F_SETDELEG", "fcntl F_NOTIFY",
    ].map { "syscall " + $0 }
    + ["chmod", "fchmod", "fchmodat", "fchmodat2", "open", "openat", "creat", "mkdir", "mkdirat", "mknod", "mknodat"]
    .flatMap { ["syscall \($0) setuid", "syscall \($0) setgid"] }
    + ["1.1.1.1", "10.0.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "224.0.0.1"].map { "net \($0):80" }
    + ["net 8.8.8.8:53", "net 1.1.1.1:443"]
    + [".naos/nexus.db (ro)", ".naos/token (ro)", ". (rw)"].map { "fs PROJECT/" + $0 }
    + ["limits.disk (/tmp)", "/tmp (files)", "/dev/shm", "limits.files"].map { "limit " + $0 }
    + ["syscall mknod device", "processes left running", "fs PROJECT/out/.mcp.json (kept)"]
    + [".git/hooks/pre-commit", ".envrc", ".bashrc"].map { "startup PROJECT/out/" + $0 }

  /// The denials of all agents: `limit limits.cpu`.
  static func denials(in project: Project) async throws -> [String] {
    let tail = ["audit", "tail", "--event", "sandbox.denied", "-n", "1000", "-o", "jsonl"]
    return try await project.naos(tail).out.split(separator: "\n").map { line in
      let row = try JSONValue(parsing: Array(line.utf8))
      return "\(row["details"]?["rule"]?.stringValue ?? "") \(row["subject"]?.stringValue ?? "")"
    }
  }

  /// Paths are looked at beside the end of the run.
  private static func rows(of run: String, in project: Project) async throws -> String {
    var rows = ""
    for _ in 0..<50 where !rows.contains(".naos/nexus.db") || !rows.contains(".bashrc") {
      rows = try await project.naos(
        "audit", "tail", "--event", "sandbox.denied", "--run", run, "-n", "1000", "-o", "jsonl"
      ).out
    }
    return rows
  }

  /// Holds the rows of the audit log against the attacks; programs that merely try things leave none.
  static func judgeRows(_ rows: String, of project: Project) throws {
    let folder = try #require(MissedPathTests.real(project.folder))
    let written = written.map {
      $0.replacingOccurrences(of: "PROJECT/. ", with: folder + " ").replacingOccurrences(of: "PROJECT", with: folder)
    }
    var found: Set<String> = []
    for line in rows.split(separator: "\n") {
      let row = try JSONValue(parsing: Array(line.utf8))
      guard let rule = row["details"]?["rule"]?.stringValue, let target = row["subject"]?.stringValue else { continue }
      found.insert("\(rule) \(target)" + (row["details"]?["port"]?.intValue.map { ":\($0)" } ?? ""))
    }
    let missing = written.filter { !found.contains($0) }
    #expect(missing.isEmpty, "\(missing) of \(found.sorted())")
    for routine in ["clone3", "openat2", "io_uring", "AF_NETLINK", "127.0.0.1"] {
      #expect(!found.contains { $0.contains(routine) }, "\(routine)")
    }
  }

  @Test func `no attack on a sandbox comes through, and the node serves on`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let abstract = "naos-attack-\(UInt32.random(in: 0...UInt32.max))"
      let listener = try AbstractListener(abstract)
      defer { listener.close() }
      try Self.prepare(project, python, abstract: abstract)
      try await SandboxTests.needSandbox(project)
      let node = try await project.up()
      let run = try await project.naos("run", "attacker", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      Self.judge(try #require(run.json["output"]?.objectValue))
      #expect(!FileManager.default.fileExists(atPath: project.path("new")))
      let id = try #require(run.json["id"]?.stringValue)
      let rows = try await Self.rows(of: id, in: project)
      try Self.judgeRows(rows, of: project)
      if try await project.naos("doctor").out.contains("processes: cgroup") {
        #expect(rows.contains(#""limits.pids""#), "\(rows)")
      }
      let logs = try await project.naos("logs", "attacker", "-n", "1000").out
      #expect(logs.contains("naos: denied: the system call ptrace"), "\(logs)")
      let explained = try await project.naos("sandbox", "explain", id).out
      #expect(explained.contains("{ host: 1.1.1.1, port: 80 }"), "\(explained)")
      #expect(!explained.contains("host: 169.254.169.254"), "\(explained)")
      #expect(explained.contains("out/.envrc was made or changed: look at it before"), "\(explained)")
      let after = try await project.naos("run", "plain", "-o", "json")
      #expect(try after.json["output"]?.stringValue == "fine", "\(after.out)\(after.err)")
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  @Test func `a sandbox leaves no program behind that runs as another user`() async throws {
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      agents:
        evil:
          command: [sh, -c, "cp /usr/bin/id out/id && chmod 6755 out/id; chmod 2777 out; install -m 4755 /usr/bin/id out/other; echo done"]
          sandbox: { fs: [{ path: out, mode: rw }] }
          retry: 1

      """
    ) { project in
      try await SandboxTests.needSandbox(project)
      try FileManager.default.createDirectory(atPath: project.path("out"), withIntermediateDirectories: true)
      let run = try await project.naos("run", "evil", "-o", "json")
      #expect(try run.json["output"]?.stringValue == "done", "\(run.err)\(run.out)")
      for name in ["out", "out/id", "out/other"] {
        var facts = stat()
        guard unsafe stat(project.path(name), &facts) == 0 else { continue }
        #expect(facts.st_mode & (S_ISUID | S_ISGID) == 0, "\(name): \(String(facts.st_mode, radix: 8))")
      }
      #expect(FileManager.default.fileExists(atPath: project.path("out/id")), "\(run.err)\(run.out)")
    }
  }

  @Test func `nothing of an agent in a sandbox stays on the host's disk`() async throws {
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      agents:
        hoarder:
          command:
            - sh
            - -c
            - |
              cd $(dirname $NAOS_OUTPUT)
              for number in 1 2 3 4 5; do head -c 4000000 /dev/zero > $number; done 2> /tmp/full
              rm 1 2
              grep -c "No space" /tmp/full > output.tmp && mv output.tmp $NAOS_OUTPUT
          sandbox: { limits: { disk: 8MiB } }
          retry: 1

      """
    ) { project in
      try await SandboxTests.needSandbox(project)
      let run = try await project.naos("run", "hoarder", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(try run.json["output"]?.intValue == 3, "\(run.out)")
      let runs = try FileManager.default.subpathsOfDirectory(atPath: project.path(".naos/runs"))
      let files = runs.filter { !Files.isDirectory(project.path(".naos/runs/" + $0)) }
      #expect(files.isEmpty, "\(files)")
    }
  }

  @Test func `an agent that may write to the project cannot give itself more`() async throws {
    try await Project.with { project in
      let main = """
        name: box
        server: { port: 0 }
        include: [conf/more/*.yaml]
        agents:
          evil:
            command:
              - sh
              - -c
              - |
                for file in nexus.config.yaml conf/more/budget.yaml conf/in.json; do
                  echo '# mine' >> $file && echo "wrote $file"
                  rm -f $file && echo "removed $file"
                  echo '# mine' > new && mv -f new $file && echo "replaced $file"
                done
                mv conf away && echo moved
                mv conf/more away && echo moved
                echo fine > own.txt && cat own.txt
            sandbox: { fs: [{ path: ., mode: rw }] }
            input: conf/in.json
            retry: 1

        """
      try project.write(main, to: "nexus.config.yaml")
      try project.write("cost: { budget: { maxDollars: 1 } }\n", to: "conf/more/budget.yaml")
      try project.write("{}\n", to: "conf/in.json")
      try await SandboxTests.needSandbox(project)
      let check = try await project.naos("config", "validate")
      #expect((check.out + check.err).contains("NX-SBX-013"), "\(check.out)\(check.err)")
      let run = try await project.naos("run", "evil", "-o", "json")
      #expect(try run.json["output"]?.stringValue == "fine", "\(run.err)\(run.out)")
      #expect(try project.read("nexus.config.yaml") == main)
      let id = try #require(run.json["id"]?.stringValue)
      let explained = try await project.naos("sandbox", "explain", id).out
      #expect(explained.contains("nexus.config.yaml (kept)") && !explained.contains("+        - "), "\(explained)")
      #expect(try project.read("conf/more/budget.yaml") == "cost: { budget: { maxDollars: 1 } }\n")
      #expect(try project.read("conf/in.json") == "{}\n")
    }
  }

  @Test func `a sandbox over its memory limit is killed`() async throws {
    let python = try Checkout.python()
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      agents:
        hog:
          command: [\(python), "-c", "x = bytearray(512 << 20)"]
          sandbox: { limits: { memory: 64MiB } }
          retry: 1

      """
    ) { project in
      try await SandboxTests.needSandbox(project)
      let doctor = try await project.naos("doctor").out
      guard doctor.contains("memory: cgroup") else { try Test.cancel("no control groups can be made here") }
      let run = try await project.naos("run", "hog", "-o", "json")
      let message = try run.json["error"]?["message"]?.stringValue
      #expect(message?.contains("memory ceiling of 64 MiB") == true, "\(message ?? run.out)")
      let denied = try await project.naos("audit", "tail", "--event", "sandbox.denied", "-o", "jsonl").out
      #expect(denied.contains("limits.memory") && denied.contains(#""rule":"limit""#), "\(denied)")
    }
  }

  @Test(arguments: ["while :; do :; done", "(while :; do :; done) & (while :; do :; done) & wait"])
  func `a sandbox over its processor time is ended and told, one over its timeout is only ended`(
    _ script: String
  ) async throws {
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      agents:
        spinner: { command: [sh, -c, "\(script)"], sandbox: { limits: { cpu: 1s } }, retry: 1 }
        sleeper: { command: [sleep, "1000"], sandbox: {}, timeout: 1s, retry: 1 }

      """
    ) { project in
      try await SandboxTests.needSandbox(project)
      let run = try await project.naos("run", "spinner", "-o", "json")
      let message = try run.json["error"]?["message"]?.stringValue ?? ""
      #expect(message.contains("over its processor ceiling"), "\(run.out)")
      let late = try await project.naos("run", "sleeper", "-o", "json")
      #expect(late.status != 0, "\(late.out)")
      #expect(try await Self.denials(in: project) == ["limit limits.cpu"])
    }
  }

  @Test func `an output that is a pipe or a link neither holds the node up nor leads it astray`() async throws {
    try await Project.with(
      """
      name: box
      server: { port: 0 }
      agents:
        pipe: { command: [sh, -c, "mkfifo $NAOS_OUTPUT"], sandbox: {}, retry: 1 }
        link: { command: [sh, -c, "ln -s /etc/passwd $NAOS_OUTPUT"], sandbox: {}, retry: 1 }

      """
    ) { project in
      try await SandboxTests.needSandbox(project)
      for agent in ["pipe", "link"] {
        let run = try await project.naos("run", agent, "-o", "json")
        #expect(!run.out.contains("root:"), "\(agent): \(run.out)")
      }
    }
  }
}

/// A listener with an abstract name, as desktops and daemons have them.
private final class AbstractListener: Sendable {
  private let descriptor: Int32

  init(_ name: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = [0] + Array(name.utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let bound = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
    }
    guard bound == 0, listen(descriptor, 1) == 0 else { throw GaveUp(description: "no abstract socket: \(errno)") }
  }

  func close() { Glibc.close(descriptor) }
}
