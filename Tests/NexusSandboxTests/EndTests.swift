// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Testing

/// What an agent leaves behind when it ends: nothing.
@Suite(.timeLimit(.minutes(2))) struct EndTests {
  let output = Recorder()

  /// Ignores what asks it to end and says when it is ready.
  static let stubborn = "trap '' TERM INT HUP; echo ready; while :; do sleep 1000; done"

  /// Forks twice with a session of its own in between, as daemons do; the last one stays, and says so.
  static let daemon = """
    import os, sys, time, signal
    def daemonise(clear):
      told, tell = os.pipe()
      if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
          os.setpgid(0, 0)
          for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
          os.write(1, b'daemon %d\\n' % os.getpid())
          os.write(tell, b'.')
          if clear: os.execve('/bin/sleep', ['sleep', '1000'], {})
          while True: time.sleep(1000)
        os._exit(0)
      os.wait()
      os.read(told, 1)
    """

  @Test func `a signal reaches the whole group`() async throws {
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(
      shell(
        "trap 'wait; echo parent; exit 3' TERM; (trap 'echo child; exit 0' TERM; echo ready; while :; do sleep 0.01; done) & wait; wait"
      ),
      output: output)
    await output.wait(for: "ready")
    process.signal(.terminate)
    #expect(await process.waitForExit().status == .exited(code: 3))
    #expect(output.text().contains("child"))
  }

  @Test func `a kill ends a process that ignores every request`() async throws {
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(shell(Self.stubborn), output: output)
    await output.wait(for: "ready")
    process.signal(.terminate)
    process.signal(.interrupt)
    #expect(!isGone(process.pid))
    process.signal(.kill)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    process.signal(.kill)
  }

  @Test func `a signal tells whether anybody was there to hear it`() async throws {
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(shell(Self.stubborn), output: output)
    await output.wait(for: "ready")
    #expect(process.signal(.terminate))
    // It ends by itself, and the guard cannot tell of it yet.
    kill(try #require(launcher.guardPID), SIGSTOP)
    kill(process.pid, SIGKILL)
    #expect(await eventually { isGone(process.pid) })
    #expect(!process.signal(.terminate))
    kill(try #require(launcher.guardPID), SIGCONT)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    #expect(!process.signal(.kill))
  }

  @Test(arguments: [false, true])
  func `children that outlive the main process die before its end is reported`(scans: Bool) async throws {
    let launcher = GuardedLauncher(abilities: scans ? .scanning : GuardedLauncher.Abilities())
    let tag = uniqueTag("group")
    let process = try await launcher.launch(
      shell("for i in 1 2 3; do sh -c \"$1\" & done; read line; exit 9", Self.stubborn, tag: tag), output: output)
    #expect(await process.waitForExit().status == .exited(code: 9))
    #expect(processes(tagged: tag) == [])
  }

  @Test(arguments: [false, true])
  func `a daemon that left group and session dies with the agent that started it`(scans: Bool) async throws {
    let launcher = GuardedLauncher(abilities: scans ? .scanning : GuardedLauncher.Abilities())
    let tag = uniqueTag("daemon")
    let process = try await launcher.launch(
      python(Self.daemon + "\ndaemonise(False); daemonise(False); sys.exit(6)", tag: tag), output: output)
    #expect(await process.waitForExit().status == .exited(code: 6))
    #expect(output.text().split(separator: "\n").count == 2)
    #expect(processes(tagged: tag) == [])
  }

  @Test func `a daemon with an emptied environment dies too`() async throws {
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(python(Self.daemon + "\ndaemonise(True)"), output: output)
    #expect(await process.waitForExit().status == .exited(code: 0))
    let pid = try #require(output.text().split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) })
    #expect(isGone(pid))
  }

  @Test func `the end of one agent leaves another's daemon alone`() async throws {
    let launcher = GuardedLauncher()
    let tag = uniqueTag("neighbour")
    let neighbour = try await launcher.launch(
      python(
        Self.daemon + "\ndaemonise(False)\nos.write(1, b'ready\\n'); sys.stdin.read(); time.sleep(1000)", tag: tag),
      output: output)
    await output.wait(for: "ready")
    for _ in 0..<5 {
      let other = try await launcher.launch(python(Self.daemon + "\ndaemonise(False)"), output: Counter())
      #expect(await other.waitForExit().status == .exited(code: 0))
    }
    #expect(processes(tagged: tag).count == 2)
    neighbour.signal(.kill)
    _ = await neighbour.waitForExit()
    #expect(processes(tagged: tag) == [])
  }

  @Test func `a bomb of forks dies with its agent`() async throws {
    let launcher = GuardedLauncher()
    let tag = uniqueTag("bomb")
    // Bounded by depth, so that a failure of this test does not take the machine: 2^7 processes.
    let bomb = """
      import os, time
      for depth in range(7):
        if os.fork() == 0 and depth % 2 == 0: os.setsid()
      os.write(1, b'x')
      time.sleep(1000)
      """
    let process = try await launcher.launch(python(bomb, tag: tag), output: output)
    await output.wait(for: "xxxxxxxx")
    process.signal(.kill)
    _ = await process.waitForExit()
    #expect(processes(tagged: tag) == [])
  }

  @Test func `a pipe held by a process outside the agent does not hold up its end`() async throws {
    let launcher = GuardedLauncher()
    let folder = try TemporaryFolder()
    let fifo = folder.path + "/open"
    #expect(unsafe mkfifo(fifo, 0o600) == 0)
    let process = try await launcher.launch(shell("echo out; echo $$; read line < \"$1\"", fifo), output: output)
    await output.wait(for: "\(process.pid)")
    // This very process takes the write end over, as a stranger would through /proc or a socket.
    let stolen = unsafe open("/proc/\(process.pid)/fd/1", O_WRONLY | O_CLOEXEC)
    #expect(stolen >= 0)
    let release = unsafe open(fifo, O_WRONLY | O_CLOEXEC)
    close(release)
    #expect(await process.waitForExit().status == .exited(code: 1))
    close(stolen)
  }

  @Test func `a process goes on when only it is held, and its guard ends after it`() async throws {
    let folder = try TemporaryFolder()
    let fifo = folder.path + "/gate"
    #expect(unsafe mkfifo(fifo, 0o600) == 0)
    var launcher: GuardedLauncher? = GuardedLauncher()
    var process = try await launcher?.launch(shell("read line < \"$1\"; exit 4", fifo), output: output)
    let guardPID = try #require(launcher?.guardPID)
    launcher = nil
    let gate = unsafe open(fifo, O_WRONLY | O_CLOEXEC)
    #expect(!isGone(guardPID))
    close(gate)
    #expect(await process?.waitForExit().status == .exited(code: 4))
    process = nil
    #expect(await eventually { isGone(guardPID) })
  }

  @Test func `shutting down kills everything and refuses what comes after`() async throws {
    let launcher = GuardedLauncher()
    let tag = uniqueTag("shutdown")
    let stubborn = try await launcher.launch(shell(Self.stubborn, tag: tag), output: output)
    let daemon = try await launcher.launch(
      python(Self.daemon + "\ndaemonise(False); print('ready', flush=True); time.sleep(1000)", tag: tag),
      output: Counter())
    await output.wait(for: "ready")
    let guardPID = try #require(launcher.guardPID)
    await launcher.shutDown()
    #expect(await stubborn.waitForExit().status == .signalled(signal: SIGKILL))
    #expect(await daemon.waitForExit().status == .signalled(signal: SIGKILL))
    #expect(processes(tagged: tag) == [])
    #expect(contents(of: "/proc/\(guardPID)/stat") == nil)
    await #expect(throws: LaunchError.self) { try await launcher.launch(shell("true"), output: Counter()) }
    await launcher.shutDown()
  }
}
