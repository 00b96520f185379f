// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import NexusCore
import Testing

/// A node of a user without any privilege; run by root these tests leave it first, for all others are then root's.
@Suite(.seated)
struct OrdinaryUserTests {
  private static let nobody: uid_t = 65534
  /// Whoever uses up what a user has needs one that no other test is.
  private static let (greedy, hoarder): (uid_t, uid_t) = (65533, 65532)

  /// One that everybody may run; that of the tests may be in a home of root's.
  private static func python() throws -> String {
    guard geteuid() == 0 else { return try Checkout.python() }
    let places = ["/usr/bin/python3", "/usr/local/bin/python3"]
    guard let python = places.first(where: FileManager.default.isExecutableFile) else {
      try Test.cancel("no Python on this machine that an ordinary user may run")
    }
    return python
  }

  /// Runs a command of `naos` as a user that is not root.
  private func naos(_ project: Project, as user: uid_t = nobody, _ arguments: String...) async throws -> Outcome {
    guard geteuid() == 0 else { return try await project.naos(arguments) }
    guard let setpriv = Checkout.onPath("setpriv") else { try Test.cancel("no setpriv on this machine") }
    var facts = stat()
    // After the first command everything in there is that user's, and may lead anywhere.
    if unsafe stat(project.folder, &facts) == 0, facts.st_uid != user {
      for file in try FileManager.default.subpathsOfDirectory(atPath: project.folder) + ["."] {
        #expect(unsafe lchown(project.path(file), user, user) == 0)
      }
    }
    let command = [setpriv, "--reuid=\(user)", "--regid=\(user)", "--clear-groups", Checkout.naos]
    let running = try project.start(command + arguments)
    running.closeInput()
    let transcript = try await running.end()
    guard case .code(let status) = transcript.exit else {
      throw GaveUp(description: "naos \(arguments) was ended: \(transcript.errText)")
    }
    return Outcome(status: status, out: transcript.outText, err: transcript.errText)
  }

  @Test func `an agent of an ordinary user gets its answers through the agent plane`() async throws {
    try await Project.with(
      """
      name: user
      server: { port: 0 }
      agents:
        reader: { prompt: Answer from the documents., tools: [files.search, files.read], retry: 1 }

      """
    ) { project in
      try project.write("A saga undoes its steps in reverse order.\n", to: "docs/sagas.md")
      let run = try await naos(project, "run", "reader", "--input", "What does a saga undo?", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(run.out.contains("reverse order"), "\(run.out)")
    }
  }

  @Test func `a sandbox of an ordinary user reaches the granted host`() async throws {
    guard Checkout.onPath("curl") != nil else { try Test.cancel("no curl on this machine") }
    try await Project.with { project in
      let host = try await GrantedHost(for: project)
      try project.write(
        """
        name: user
        server: { port: 0 }
        agents:
          reacher:
            command:
              - sh
              - -c
              - curl -sS http://example.test:\(host.plain)/a && curl -sS --cacert cert.pem https://example.test:\(host.secure)/a
            sandbox: { net: [\(host.grants)] }
            retry: 1

        """, to: "nexus.config.yaml")
      try await SandboxTests.needSandbox(project)
      try? FileManager.default.removeItem(atPath: project.path(".naos"))
      let run = try await naos(project, "run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(try run.json["output"]?.stringValue == "hello 0hello 0", "\(run.out)")
      #expect(host.requests.count == 2, "\(host.lines)")
    }
  }

  @Test func `clients of an ordinary user reach the granted host by whatever they are, and no other`() async throws {
    try await EgressTests.with(agent: "egress.py", python: try Self.python()) { project, host in
      try? FileManager.default.removeItem(atPath: project.path(".naos"))
      let run = try await naos(project, "run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      EgressTests.judge(try #require(run.json["output"]?.objectValue))
      #expect(host.requests.contains("request GET /a example.test:\(host.plain)"))
    }
  }

  @Test func `clients of an ordinary user trust the gate that ends their TLS`() async throws {
    let python = try Self.python()
    try await TerminationTests.with(agent: "terminated.py", secrets: false, python: python) { project, host in
      try? FileManager.default.removeItem(atPath: project.path(".naos"))
      let run = try await naos(project, "run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      var found = try #require(run.json["output"]?.objectValue)
      // That of the tests has it.
      for (what, answer) in [("requests", "hello 0, hello 0"), ("requests refused", "200 403 200")]
      where found[what]?.stringValue?.hasPrefix("ModuleNotFoundError") == true { found[what] = .string(answer) }
      TerminationTests.judge(found, host)
    }
  }

  @Test func `no attack of an ordinary user's agent gets out beside the granted host`() async throws {
    try await EgressTests.with(agent: "egress_attacks.py", python: try Self.python()) { project, host in
      try? FileManager.default.removeItem(atPath: project.path(".naos"))
      let run = try await naos(project, "run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      EgressAttackTests.judge(try #require(run.json["output"]?.objectValue), host)
    }
  }

  @Test func `no attack on a sandbox of an ordinary user comes through`() async throws {
    let python = try Self.python()
    try await Project.with { project in
      try SandboxAttackTests.prepare(project, python, abstract: "nobody-listens")
      try await SandboxTests.needSandbox(project)
      try? FileManager.default.removeItem(atPath: project.path(".naos"))
      let run = try await naos(project, "run", "attacker", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      SandboxAttackTests.judge(try #require(run.json["output"]?.objectValue))
      let id = try #require(run.json["id"]?.stringValue)
      let rows = try await naos(
        project, "audit", "tail", "--event", "sandbox.denied", "--run", id, "-n", "1000", "-o", "jsonl")
      try SandboxAttackTests.judgeRows(rows.out, of: project)
    }
  }

  /// Agents of a node that is not root's are, to the kernel, the user that the node is.
  @Test func `an agent does not take all watches of epoll that its user has`() async throws {
    let python = try Self.python()
    try await Project.with { project in
      try project.write(
        """
        import errno, os, select
        targets, polls, made = [os.eventfd(0) for _ in range(1000)], [], 0
        most = int(open("/proc/sys/fs/epoll/max_user_watches").read())
        try:
            for _ in range(most // 1000 + 1):
                polls.append(select.epoll())
                for target in targets:
                    polls[-1].register(target, select.EPOLLIN)
                    made += 1
        except OSError as error:
            print(errno.errorcode[error.errno], "at a part" if made <= max(1024, most // 64) else made)

        """, to: "greedy.py")
      try project.write(
        """
        name: user
        server: { port: 0 }
        agents:
          greedy: { command: [\(python), greedy.py], sandbox: {}, retry: 1 }

        """, to: "nexus.config.yaml")
      try await SandboxTests.needSandbox(project)
      try? FileManager.default.removeItem(atPath: project.path(".naos"))
      let run = try await naos(project, as: Self.greedy, "run", "greedy", "-o", "json")
      #expect(try run.json["output"]?.stringValue == "ENOSPC at a part", "\(run.err)\(run.out)")
      let rows = try await naos(project, as: Self.greedy, "audit", "tail", "--event", "sandbox.denied", "-o", "jsonl")
      #expect(rows.out.contains("watches of epoll"), "\(rows.out)")
    }
  }

  @Test func `a start that cannot be handed over is refused, and does not wait`() async throws {
    let python = try Self.python()
    try await Project.with { project in
      try project.write(
        """
        import array, os, resource, socket, time
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        while not os.path.exists("ready"):
            time.sleep(0.02)
        null, pairs, is_full = os.open("/dev/null", os.O_RDONLY), [], False
        while not is_full:
            pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
            pairs[-1][0].setblocking(False)
            try:
                while True:
                    files = array.array("i", [null] * 253)
                    pairs[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
            except BlockingIOError:
                pass
            except OSError:
                is_full = True
        open("full", "w").close()
        # Its end lets go of them; until then nobody starts.
        time.sleep(3)

        """, to: "hoard.py")
      try project.write(
        """
        name: user
        server: { port: 0 }
        agents:
          hoard: { command: [\(python), hoard.py], retry: 1 }
          watcher: { command: [sh, -c, "touch ready; until [ -e full ]; do sleep 0.02; done"], retry: 1 }
          late: { command: [echo, hi], retry: 1 }
        workflows:
          flow:
            steps:
              - { name: hoarding, agent: hoard }
              - { name: watching, agent: watcher }
              - { name: late, agent: late, needs: [watching] }

        """, to: "nexus.config.yaml")
      let run = try await naos(project, as: Self.hoarder, "run", "flow", "-o", "json")
      #expect(run.status != 0 && run.out.contains("NX-AGT-003"), "\(run.err)\(run.out)")
      #expect(run.out.contains("on their way between processes"), "\(run.out)")
    }
  }
}
