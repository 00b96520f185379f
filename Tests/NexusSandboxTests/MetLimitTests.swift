// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Synchronization
import Testing

/// Limits that programs in sandboxes run into and live on, and what they leave running.
@Suite(.timeLimit(.minutes(2))) struct MetLimitTests {
  private static let means = GuardedLauncher.probeContainment()

  let output = Recorder()
  let told = Told()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try needRefusals()
  }

  /// Adds up what it hears, and lets a test wait for it.
  final class Told: RefusalReceiver {
    private let state = Mutex((counts: [String: Int](), waiting: [(String, CheckedContinuation<Void, Never>)]()))

    func refused(_ refusal: Refusal) {
      guard [.limit, .leftRunning, .call].contains(refusal.kind) else { return }
      let ready = state.withLock { state in
        state.counts[refusal.text, default: 0] += refusal.count
        defer { state.waiting.removeAll { $0.0 == refusal.text } }
        return state.waiting.filter { $0.0 == refusal.text }.map(\.1)
      }
      for waiter in ready { waiter.resume() }
    }

    var counts: [String: Int] { state.withLock { $0.counts } }

    /// Returns once it was told of that; the test's time limit ends a wait in vain.
    func wait(for text: String) async {
      await withCheckedContinuation { waiter in
        let isTold = state.withLock { state in
          if state.counts[text] != nil { return true }
          state.waiting.append((text, waiter))
          return false
        }
        if isTold { waiter.resume() }
      }
    }
  }

  private func perl(_ program: String, files: Int? = nil) throws -> LaunchRequest {
    var request = shell("exec perl -MSocket -MPOSIX=setsid -e \"$PROGRAM\"")
    request.environment.append(EnvironmentVariable("PROGRAM", "$| = 1; " + program))
    request.workingDirectory = folder.path
    let left = folder.path + "/left"
    try LeftOutput.prepare(left)
    request.enclosure = Enclosure(
      temporaryBytes: 1 << 20, openFiles: files, output: Enclosure.Output(path: left, limit: 1000))
    request.refusals = told
    return request
  }

  private func run(
    _ request: LaunchRequest, _ abilities: GuardedLauncher.Abilities = .init()
  ) async throws -> ProcessExit {
    try await GuardedLauncher(abilities: abilities).launch(request, output: output).waitForExit()
  }

  // MARK: Processes

  @Test(.enabled(if: means.processes == .cgroup1 || means.processes == .cgroup2), arguments: [0, 3])
  func `forks that fail at the limit are counted, however the program ends`(_ code: Int) async throws {
    let program = """
      my ($made, $failed) = (0, 0); my @children;
      for (1..20) {
        my $child = fork; if (!defined $child) { $failed++; next }
        if (!$child) { sleep 1000 while 1 } push @children, $child;
      }
      kill 9, @children; waitpid $_, 0 for @children; print $failed; exit \(code);
      """
    var request = try perl(program)
    request.ceilings = ProcessCeilings(processes: 8)
    let exit = try await run(request)
    #expect(exit.status == .exited(code: Int32(code)))
    let failed = try #require(Int(output.text()))
    #expect(failed == 13)
    #expect(exit.denials == [CountedDenial(ProgramDenial(.limit, "limits.pids"), count: failed)])
    #expect(exit.ceiling == (code == 0 ? nil : .processes))
    #expect(told.counts.isEmpty, "\(told.counts)")
  }

  @Test(.enabled(if: means.memory == .cgroup1))
  func `a process that was killed for want of memory is counted, though the main one lives on`() async throws {
    var request = try perl("my $n = 256 << 20; if (!fork) { my $x = 'x' x $n; exit } wait; exit 0")
    request.ceilings = ProcessCeilings(memoryBytes: 64 << 20)
    let exit = try await run(request)
    #expect(exit.status == .exited(code: 0) && exit.ceiling == nil)
    #expect(exit.denials == [CountedDenial(ProgramDenial(.limit, "limits.memory"), count: 1)])
  }

  @Test func `events of groups are read with their counts`() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("pids.events", "max 37\n", mode: 0o600)
    _ = try folder.write("memory.events", "low 0\nmax 12\noom 1\noom_kill 2\n", mode: 0o600)
    let group = unsafe open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(group) }
    #expect(naos_read_encounters(group, Int32(NAOS_PIDS), 2) == 37)
    #expect(naos_read_encounters(group, Int32(NAOS_MEMORY), 2) == 2)
    #expect(naos_read_encounters(group, Int32(NAOS_MEMORY), 1) == 0)
  }

  /// Children and a grandchild in a session of its own, each there when the main process ends.
  private static let leaves = """
    pipe(my $r, my $w);
    for (1..2) { if (!fork) { syswrite $w, "."; sleep 1000 while 1 } }
    if (!fork) { if (!fork) { setsid(); $SIG{TERM} = $SIG{HUP} = "IGNORE"; syswrite $w, "."; sleep 1000 while 1 } exit }
    sysread $r, my $x, 1 for 1..3;
    """

  @Test(arguments: ["exit 0", "exit 4", "kill 9, $$; sleep 1000"])
  func `what is left running is ended and counted, however the main process ends`(_ end: String) async throws {
    _ = try await run(try perl(Self.leaves + end))
    #expect(told.counts == ["left running": 3], "\(output.text(.standardError))")
  }

  @Test func `without control groups, too, what is left running is counted`() async throws {
    _ = try await run(try perl(Self.leaves), .groupless)
    #expect(told.counts == ["left running": 3], "\(output.text(.standardError))")
  }

  @Test func `helpers that end with whoever started them, and the ones that were ended, are not told`() async throws {
    let program = """
      pipe(my $r, my $w); pipe(my $ready, my $go);
      if (!fork) { close $w; syswrite $go, "."; sysread $r, my $x, 1; exit 0 }
      my $killed = fork; if (!$killed) { syswrite $go, "."; sleep 1000 while 1 }
      sysread $ready, my $x, 1 for 1..2;
      kill 9, $killed; waitpid $killed, 0;
      """
    #expect(try await run(try perl(program)).status == .exited(code: 0))
    #expect(told.counts.isEmpty, "\(told.counts)")
  }

  @Test func `a child that it made its parent's neither holds the end up nor hides`() async throws {
    let program = """
      pipe(my $r, my $w);
      if (!syscall(56, 0x8000 | 17, 0, 0, 0, 0)) { syswrite $w, "."; POSIX::_exit(0) }
      if (!syscall(56, 0x8000 | 17, 0, 0, 0, 0)) { syswrite $w, "."; sleep 1000 while 1 }
      sysread $r, my $x, 1 for 1..2;
      """
    #expect(try await run(try perl(program)).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(told.counts == ["left running": 1])
  }

  /// Chains of processes each link of which makes the next one and ends: there is always somebody to be reaped, by the
  /// first process of the namespace or by the keeper.
  @Test(arguments: ["fork", "syscall(56, 0x8000 | 17, 0, 0, 0, 0)"])
  func `a storm of forks neither holds the end up nor spoils its count`(_ fork: String) async throws {
    let program = """
      sub fork_one { my $child = \(fork); defined $child ? $child : -1 }
      pipe(my $r, my $w);
      for (1..40) {
        next if fork_one();
        syswrite $w, "."; while (1) { POSIX::_exit(0) if fork_one() > 0 }
      }
      sysread $r, my $x, 1 for 1..40;
      """
    let exit = try await run(try perl(program))
    #expect(exit.status == .exited(code: 0), "\(output.text(.standardError))")
    // Of each chain somebody is there at the end; had that taken too long, the kernel would have ended them uncounted.
    #expect(told.counts["left running"] ?? 0 >= 40, "\(told.counts)")
  }

  @Test func `where the first process has to be killed, the end is told of all the same`() async throws {
    let program = """
      $SIG{TERM} = "IGNORE"; if (!fork) { sleep 1000 while 1 }
      $SIG{TERM} = sub { exit 0 }; print "ready\\n"; sleep 1000 while 1;
      """
    let process = try await GuardedLauncher().launch(try perl(program), output: output)
    await output.wait(for: "ready")
    let keeper = process.pid
    let children = String(decoding: contents(of: "/proc/\(keeper)/task/\(keeper)/children") ?? [], as: UTF8.self)
    let first = children.split(separator: " ").compactMap { Int32($0) }.first {
      contents(of: "/proc/\($0)/comm").map { String(decoding: $0, as: UTF8.self) } == "naos-init\n"
    }
    // Like one that does not get on: it neither reaps nor ends anybody.
    #expect(kill(try #require(first), SIGSTOP) == 0)
    process.signal(.terminate)
    #expect(await process.waitForExit().status == .exited(code: 0))
    #expect(told.counts == ["left running": 1])
  }

  // MARK: What is full

  @Test func `a file system that is full at the end is told once`() async throws {
    let program = """
      for my $place ("/tmp", "/home/agent", "/dev/shm", "/run/naos") {
        open(my $f, ">", "$place/full"); 1 while syswrite $f, "x" x 65536; print $!{ENOSPC} ? "full " : "$! "; close $f;
      }
      for (1..2000) { last if !open(my $f, ">", "/run/naos/$_") }
      print $!{ENOSPC} ? "full" : "$!";
      """
    #expect(try await run(try perl(program)).status == .exited(code: 0))
    #expect(output.text() == "full full full full full", "\(output.text(.standardError))")
    #expect(
      told.counts == [
        "limits.disk (/tmp)": 1, "limits.disk (/home/agent)": 1, "limits.disk (output)": 1, "/dev/shm": 1,
        "output (files)": 1,
      ])
  }

  @Test func `a file system that fills is told while its program runs, also when it was idle before`() async throws {
    let program = """
      print "ready\\n"; $SIG{TERM} = sub {
        open(my $f, ">", "/tmp/full"); 1 while syswrite $f, "x" x 65536; print "full\\n" };
      sleep 1000 while 1;
      """
    let process = try await GuardedLauncher().launch(try perl(program), output: output)
    await output.wait(for: "ready")
    process.signal(.terminate)
    await output.wait(for: "full")
    await told.wait(for: "limits.disk (/tmp)")
    process.signal(.kill)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
  }

  @Test func `open files at the limit are told where a file is to be opened`() async throws {
    let program = """
      my @held; while (open(my $f, "<", "/dev/null")) { push @held, $f } print $!{EMFILE} ? "full " : "$! ";
      open(my $g, ">", "/tmp/one") or print $!{EMFILE} ? "full" : "$!";
      """
    #expect(try await run(try perl(program, files: 64)).status == .exited(code: 0))
    #expect(output.text() == "full full", "\(output.text(.standardError))")
    #expect(told.counts == ["limits.files": 1])
  }

  @Test func `what is not full is not told`() async throws {
    let program = """
      open(my $f, ">", "/tmp/x"); syswrite $f, "x" x 65536 for 1..14; close $f; unlink "/tmp/x";
      my @held; for (1..40) { open(my $g, ">", "/tmp/$_"); push @held, $g } print "fine";
      """
    #expect(try await run(try perl(program, files: 64)).status == .exited(code: 0))
    #expect(output.text() == "fine" && told.counts.isEmpty, "\(told.counts)")
  }

  @Test func `a device is refused and told, and the mark of an overlay is the kernel's to judge`() async throws {
    let program = """
      my @names = map { "/tmp/$_" } 1..4;
      sub try { print syscall(133, @_) < 0 ? $!{EPERM} ? "EPERM " : "$! " : "done " }
      try($names[0], 0020666, 0x101); try($names[1], 0060666, 0x800); try($names[2], 0010666, 0);
      syscall(133, $names[3], 0020000, 0);
      """
    #expect(try await run(try perl(program)).status == .exited(code: 0))
    #expect(output.text() == "EPERM EPERM done ", "\(output.text(.standardError))")
    #expect(told.counts == ["mknod device": 2])
  }
}
