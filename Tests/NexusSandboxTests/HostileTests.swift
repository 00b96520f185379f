// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Testing

/// Children that make it hard to stop them, or to hear of their end.
@Suite(.timeLimit(.minutes(2))) struct HostileTests {
  let output = Recorder()

  @Test func `a process that closes all of its streams is stopped and reported`() async throws {
    let folder = try TemporaryFolder()
    let fifo = folder.path + "/closed"
    #expect(unsafe mkfifo(fifo, 0o600) == 0)
    let process = try await GuardedLauncher().launch(
      shell("trap '' TERM; exec <&- >&- 2>&-; echo x >\"$1\"; while :; do sleep 1000; done", fifo), output: output)
    #expect(contents(of: fifo) == Array("x\n".utf8))
    process.signal(.terminate)
    process.signal(.kill)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
  }

  @Test func `children in process groups of their own die with their agent`() async throws {
    let tag = uniqueTag("groups")
    let script = """
      import os, signal, sys
      for _ in range(5):
        told, tell = os.pipe()
        if os.fork() == 0:
          os.setpgid(0, 0)
          for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
          os.write(tell, b'.')
          while True: signal.pause()
        os.read(told, 1)
      print('ready', flush=True)
      signal.pause()
      """
    let process = try await GuardedLauncher().launch(python(script, tag: tag), output: output)
    await output.wait(for: "ready")
    #expect(processes(tagged: tag).count == 6)
    process.signal(.terminate)
    #expect(await process.waitForExit().status == .signalled(signal: SIGTERM))
    #expect(processes(tagged: tag) == [])
  }

  @Test func `a grandchild that keeps the pipes open does not hold up the end`() async throws {
    let tag = uniqueTag("pipes")
    let process = try await GuardedLauncher().launch(
      python(EndTests.daemon + "\ndaemonise(False); print('last words', flush=True); sys.exit(4)", tag: tag),
      output: output)
    #expect(await process.waitForExit().status == .exited(code: 4))
    #expect(output.text().hasSuffix("last words\n"))
    #expect(processes(tagged: tag) == [])
  }

  @Test func `a flood of forks and exits does not keep its agent alive`() async throws {
    let tag = uniqueTag("flood")
    // Each process lives for a moment and starts the next one: a list of them is out of date when it is read. Bounded
    // by a time, so that a failure of this test does not stay on the machine.
    let script = """
      import os, sys, time
      end = time.monotonic() + 60
      for _ in range(4):
        if os.fork() == 0:
          os.setsid()
          while time.monotonic() < end:
            if os.fork() != 0: os._exit(0)
      print('ready', flush=True)
      time.sleep(1000)
      """
    let process = try await GuardedLauncher().launch(python(script, tag: tag), output: output)
    await output.wait(for: "ready")
    process.signal(.kill)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    #expect(processes(tagged: tag) == [])
  }

  /// `prctl(PR_SET_PDEATHSIG, 0)` by hand, and by executing a program that changes the user.
  @Test(arguments: [false, true])
  func `who takes its parent-death signal back dies with its guard`(bySetuid: Bool) async throws {
    if bySetuid, geteuid() != 0 { try Test.cancel("making a set-user-ID program of another user needs root") }
    let folder = try TemporaryFolder()
    let program = folder.path + "/sleep"
    let bytes = try #require(contents(of: "/bin/sleep"))
    let fd = unsafe open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
    #expect(unsafe write(fd, bytes, bytes.count) == bytes.count)
    if bySetuid {
      #expect(fchown(fd, 65534, 65534) == 0)
      #expect(fchmod(fd, 0o4755) == 0)
    }
    close(fd)
    #expect(unsafe chmod(folder.path, 0o755) == 0)
    let clear = bySetuid ? "" : "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0); "
    let script = "import ctypes, os; \(clear)os.write(1, b'ready'); os.execv('\(program)', ['sleep', '1000'])"
    let launcher = GuardedLauncher()
    let process = try await launcher.launch(python(script), output: output)
    await output.wait(for: "ready")
    #expect(
      await eventually { String(decoding: contents(of: "/proc/\(process.pid)/comm") ?? [], as: UTF8.self) == "sleep\n" }
    )
    kill(try #require(launcher.guardPID), SIGKILL)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    #expect(isGone(process.pid))
  }

  @Test func `an end is reported once, whatever asks for it`() async throws {
    let process = try await GuardedLauncher().launch(shell(EndTests.stubborn), output: output)
    await output.wait(for: "ready")
    for _ in 0..<50 {
      process.signal(.terminate)
      process.signal(.kill)
    }
    let exits = await withTaskGroup { group in
      for _ in 0..<20 { group.addTask { await process.waitForExit() } }
      return await group.reduce(into: Set<ProcessExit>()) { $0.insert($1) }
    }
    #expect(exits.map(\.status) == [.signalled(signal: SIGKILL)])
  }
}
