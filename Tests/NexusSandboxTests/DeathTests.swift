// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Testing

/// What happens when a part of the node itself is killed.
@Suite(.timeLimit(.minutes(2))) struct DeathTests {
  /// What a node under test runs: a stubborn group, daemons, and an agent that writes without an end.
  private static func populate(_ launcher: GuardedLauncher, tag: String) async throws -> [any LaunchedProcess] {
    var processes: [any LaunchedProcess] = []
    for index in 0..<5 {
      let ready = Recorder()
      processes.append(
        try await launcher.launch(
          shell("sh -c \"$1\" & " + EndTests.stubborn, EndTests.stubborn, tag: tag), output: ready))
      await ready.wait(for: "ready\nready")
      let daemon = Recorder()
      let stay = index % 2 == 0 ? "time.sleep(1000)" : "sys.stdin.read(); time.sleep(1000)"
      processes.append(
        try await launcher.launch(
          python(EndTests.daemon + "\ndaemonise(False); print('ready', flush=True); \(stay)", tag: tag), output: daemon)
      )
      await daemon.wait(for: "ready")
    }
    processes.append(try await launcher.launch(shell("while :; do echo y; done", tag: tag), output: Counter()))
    return processes
  }

  @Test func `a guard that an agent stops is set going again`() async throws {
    let launcher = GuardedLauncher()
    try launcher.start()
    kill(try #require(launcher.guardPID), SIGSTOP)
    let process = try await launcher.launch(
      shell("kill -STOP $PPID; exit 7", tag: uniqueTag("stop")), output: Recorder())
    #expect(await process.waitForExit().status == .exited(code: 7))
    kill(try #require(launcher.guardPID), SIGSTOP)
    await launcher.shutDown()
  }

  @Test(arguments: [SIGKILL, SIGSEGV, SIGTERM, SIGINT, SIGHUP, SIGQUIT])
  func `no process outlives a node that is ended by a signal`(signal: Int32) async throws {
    let tag = uniqueTag("node")
    let folder = try TemporaryFolder()
    let report = folder.path + "/populated"
    let expected: ExitTest.Condition = .signal(signal)
    await #expect(processExitsWith: expected) {
      [tag = tag as String, report = report as String, signal = signal as Int32] in
      let launcher = GuardedLauncher()
      let agents = try await DeathTests.populate(launcher, tag: tag)
      let count = processes(tagged: tag).count
      let fd = unsafe open(report, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      let text = Array("\(agents.count) \(count) \(launcher.guardPID ?? 0)".utf8)
      _ = unsafe write(fd, text, text.count)
      Glibc.signal(signal, SIG_DFL)
      kill(getpid(), signal)
      while true { pause() }
    }
    let numbers = String(decoding: try #require(contents(of: report)), as: UTF8.self).split(separator: " ").compactMap {
      Int32($0)
    }
    try #require(numbers.count == 3)
    #expect(numbers[0] == 11)
    #expect(numbers[1] >= 26)
    #expect(await eventually { processes(tagged: tag).isEmpty }, "left: \(processes(tagged: tag))")
    #expect(await eventually { isGone(numbers[2]) })
  }

  @Test func `the guard's death ends its agents, is reported, and the next launch works`() async throws {
    let launcher = GuardedLauncher()
    let tag = uniqueTag("guard")
    let agents = try await Self.populate(launcher, tag: tag)
    let first = try #require(launcher.guardPID)
    kill(first, SIGKILL)
    for agent in agents { #expect(await agent.waitForExit().status == .signalled(signal: SIGKILL)) }
    #expect(processes(tagged: tag) == [])
    let output = Recorder()
    let after = try await launcher.launch(shell("echo again"), output: output)
    #expect(await after.waitForExit().status == .exited(code: 0))
    #expect(output.text() == "again\n")
    #expect(launcher.guardPID != first)
  }

  @Test func `launches that meet the guard's death fail or end, none hangs`() async throws {
    let launcher = GuardedLauncher()
    try launcher.start()
    let tag = uniqueTag("race")
    await withTaskGroup { group in
      for index in 0..<60 {
        group.addTask {
          do {
            let process = try await launcher.launch(shell("sleep 1000", tag: tag), output: Counter())
            if index % 20 == 10, let guardPID = launcher.guardPID { kill(guardPID, SIGKILL) }
            if index >= 50 { process.signal(.kill) }
            if index < 20 || index >= 50 { _ = await process.waitForExit() }
          } catch let error as LaunchError {
            #expect(error.stage == .launcher)
          } catch {
            Issue.record(error)
          }
        }
        if index % 20 == 19, let guardPID = launcher.guardPID { kill(guardPID, SIGKILL) }
      }
      if let guardPID = launcher.guardPID { kill(guardPID, SIGKILL) }
    }
    await launcher.shutDown()
    #expect(processes(tagged: tag) == [])
  }

  @Test func `a terminal's and a service manager's signals do not end the guard`() async throws {
    let launcher = GuardedLauncher()
    let output = Recorder()
    let process = try await launcher.launch(shell("echo ready; read line; sleep 1000"), output: output)
    await output.wait(for: "ready")
    let guardPID = try #require(launcher.guardPID)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE] { kill(guardPID, number) }
    let second = try await launcher.launch(shell("exit 2"), output: output)
    #expect(await second.waitForExit().status == .exited(code: 2))
    #expect(launcher.guardPID == guardPID)
    #expect(getsid(guardPID) == guardPID)
    process.signal(.kill)
    _ = await process.waitForExit()
  }

  @Test func `a trap leaves a line that says what the node was at`() async throws {
    let folder = try TemporaryFolder()
    let report = folder.path + "/trap"
    await #expect(processExitsWith: .signal(SIGABRT)) { [report = report as String] in
      let fd = unsafe open(report, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0o600)
      try ProcessHardening.recordTraps(to: fd)
      ProcessHardening.atWork(on: "run_1 entry 41") {}
      ProcessHardening.atWork(on: "run_1 entry 42") { abort() }
    }
    #expect(contents(of: report) == Array("6 run_1 entry 42\n".utf8))
    await #expect(processExitsWith: .failure) { [report = report as String] in
      let fd = unsafe open(report, O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0o600)
      try ProcessHardening.recordTraps(to: fd)
      ProcessHardening.atWork(on: "run_2") { preconditionFailure("broken invariant") }
    }
    #expect(String(decoding: contents(of: report) ?? [], as: UTF8.self).hasSuffix(" run_2\n"))
  }

  @Test func `a hardened process has its limits raised and agents do not`() async throws {
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 512, rlim_max: 4000)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      try ProcessHardening.raiseFileLimit()
      try ProcessHardening.makeUndumpable()
      try ProcessHardening.ignoreBrokenPipes()
      unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let output = Recorder()
      let process = try await GuardedLauncher().launch(shell("ulimit -Sn; ulimit -Hn"), output: output)
      _ = await process.waitForExit()
      guard limit.rlim_cur == 4000, output.text() == "512\n4000\n", !ProcessHardening.isDumpable else { exit(1) }
    }
  }
}
