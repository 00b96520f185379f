// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Testing

/// What agents may use at most, and how their end says that they wanted more.
@Suite(.timeLimit(.minutes(2))) struct CeilingTests {
  private static let means = GuardedLauncher.probeContainment()
  private static var isRoot: Bool { geteuid() == 0 }

  let output = Recorder()

  private func run(
    _ request: LaunchRequest, _ ceilings: ProcessCeilings, _ abilities: GuardedLauncher.Abilities = .init()
  ) async throws -> (exit: ProcessExit, containment: Containment) {
    var request = request
    request.ceilings = ceilings
    let process = try await GuardedLauncher(abilities: abilities).launch(request, output: output)
    return (await process.waitForExit(), process.containment)
  }

  private func refusal(
    _ ceilings: ProcessCeilings, _ abilities: GuardedLauncher.Abilities
  ) async -> LaunchError? {
    do {
      _ = try await run(shell("exit 0"), ceilings, abilities)
      return nil
    } catch {
      return error as? LaunchError
    }
  }

  // MARK: Memory

  @Test(.enabled(if: means.memory != .rlimit && means.memory != nil))
  func `a process over its memory ceiling is killed, and its end says so`() async throws {
    let ceilings = ProcessCeilings(memoryBytes: 64 << 20)
    let (exit, containment) = try await run(
      python("print('here', flush=True)\nx = bytearray(256 << 20)\nprint('there')"), ceilings)
    #expect(exit.status == .signalled(signal: SIGKILL))
    #expect(exit.ceiling == .memory)
    #expect(exit.reason(under: ceilings) == "killed: over its memory ceiling of 64 MiB")
    #expect(containment.memory == Self.means.memory)
    #expect(output.text() == "here\n")
  }

  @Test(.enabled(if: means.memory != .rlimit && means.memory != nil))
  func `processes that are small alone and too large together are held to the ceiling`() async throws {
    let script = """
      import os, signal, sys
      for part in range(6):
        told, tell = os.pipe()
        if os.fork() == 0:
          x = bytearray(24 << 20)
          os.write(tell, b'.')
          os.close(tell)
          signal.pause()
        os.close(tell)
        if os.read(told, 1) != b'.': sys.exit(7)
      sys.exit(8 if os.waitpid(-1, os.WNOHANG)[0] else 0)
      """
    let (exit, _) = try await run(python(script), ProcessCeilings(memoryBytes: 64 << 20))
    // In the unified hierarchy the whole tree dies; in the old one the kernel chooses a process.
    #expect(exit.status != .exited(code: 0))
    #expect(exit.ceiling == .memory)
  }

  @Test func `without groups the memory of each process is limited, and the launch says by what`() async throws {
    let script = "try: x = bytearray(2 << 30)\nexcept MemoryError: sys.exit(5)"
    let (exit, containment) = try await run(
      python("import sys\n" + script), ProcessCeilings(memoryBytes: 1 << 30), .groupless)
    #expect(exit.status == .exited(code: 5))
    #expect(containment == Containment(memory: .rlimit))
  }

  @Test func `a ceiling that is not met changes nothing`() async throws {
    let ceilings = ProcessCeilings(memoryBytes: 1 << 30, cpuTime: .seconds(60))
    let (exit, _) = try await run(shell("kill -KILL $$"), ceilings)
    #expect(exit.status == .signalled(signal: SIGKILL))
    #expect(exit.ceiling == nil)
    #expect(exit.reason(under: ceilings) == "signal 9")
  }

  // MARK: Processes

  @Test(.enabled(if: means.processes == .cgroup1 || means.processes == .cgroup2))
  func `forks beyond the ceiling fail, and a bad end says so`() async throws {
    let script = """
      import os, sys, signal
      made = 0
      for _ in range(100):
        try:
          if os.fork() == 0: signal.pause()
          made += 1
        except BlockingIOError: break
      print(made, flush=True)
      sys.exit(0 if sys.stdin.read() == 'well' else 9)
      """
    let (exit, containment) = try await run(python(script), ProcessCeilings(processes: 10))
    #expect(output.text() == "9\n")
    #expect(exit.status == .exited(code: 9))
    #expect(exit.ceiling == .processes)
    #expect(containment.processes == Self.means.processes)
    let (fine, _) = try await run(python(script, input: Array("well".utf8)), ProcessCeilings(processes: 10))
    #expect(fine.status == .exited(code: 0))
    #expect(fine.ceiling == nil)
  }

  @Test(.enabled(if: means.processes == .cgroup1 || means.processes == .cgroup2))
  func `a real bomb of forks stays below its ceiling and dies completely`() async throws {
    let tag = uniqueTag("realbomb")
    var request = shell("bomb() { bomb | bomb & }; bomb; while :; do sleep 1000; done", tag: tag)
    request.ceilings = ProcessCeilings(processes: 60)
    let process = try await GuardedLauncher().launch(request, output: output)
    await output.wait(for: "fork", on: .standardError)
    #expect(processes(tagged: tag).count <= 60)
    process.signal(.kill)
    #expect(await process.waitForExit().ceiling == .processes)
    #expect(processes(tagged: tag) == [])
  }

  // MARK: Processor time

  @Test(.enabled(if: means.cpu == .cgroup1 || means.cpu == .cgroup2))
  func `a share of a core is not exceeded`() async throws {
    let script = """
      import os, time
      end = time.monotonic() + 1
      if os.fork() == 0:
        while time.monotonic() < end: pass
        os._exit(0)
      while time.monotonic() < end: pass
      os.wait()
      """
    let (exit, containment) = try await run(python(script), ProcessCeilings(milliCores: 200))
    #expect(exit.status == .exited(code: 0))
    // Two spinners of one second each: without the ceiling about two seconds.
    #expect(exit.userTime + exit.systemTime < .milliseconds(500))
    #expect(containment.cpu == Self.means.cpu)
  }

  @Test(.enabled(if: means.group == .cgroup2))
  func `the processor time of a whole tree is counted`() async throws {
    let ceilings = ProcessCeilings(cpuTime: .seconds(1))
    // No process of it uses up the second: each hands over to its child.
    let script = """
      import os, time
      while True:
        if time.process_time() > 0.2 and os.fork() != 0: os.wait(); os._exit(0)
      """
    let (exit, containment) = try await run(python(script), ceilings)
    #expect(exit.status == .signalled(signal: SIGKILL))
    #expect(exit.ceiling == .cpu)
    #expect(exit.reason(under: ceilings) == "killed: over its processor ceiling of 1.0 s")
    #expect(containment.cpu == .cgroup2)
  }

  @Test(arguments: ["", "trap '' XCPU; "])
  func `without groups the processor time of each process is limited`(first: String) async throws {
    let (exit, containment) = try await run(
      shell(first + "while :; do :; done"), ProcessCeilings(cpuTime: .seconds(1)), .groupless)
    #expect(exit.status == .signalled(signal: first.isEmpty ? SIGXCPU : SIGKILL))
    #expect(exit.ceiling == .cpu)
    #expect(containment.cpu == .rlimit)
  }

  // MARK: Refusals

  @Test func `a share of a core is refused where no group can be made`() async {
    let error = await refusal(ProcessCeilings(milliCores: 500), .groupless)
    #expect(error?.stage == .ceiling)
    #expect(error?.message.hasPrefix("its processor ceiling cannot be enforced on this machine") == true)
  }

  @Test(.enabled(if: isRoot)) func `a ceiling of processes is refused where nothing holds root to it`() async {
    let error = await refusal(ProcessCeilings(processes: 8), .groupless)
    #expect(error?.stage == .ceiling)
    #expect(error?.message.hasPrefix("its ceiling of processes, 8 cannot be enforced") == true)
  }

  // MARK: Files of the kernel that not every machine has

  @Test func `the unified hierarchy is written as its documentation says`() throws {
    let folder = try TemporaryFolder()
    for name in ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"] {
      _ = try folder.write(name, "", mode: 0o600)
    }
    let group = unsafe open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(group) }
    var ceilings = naos_ceilings(memory_bytes: 64 << 20, cpu_microseconds: 0, milli_cores: 1500, processes: 40)
    for hierarchy in [NAOS_MEMORY, NAOS_PIDS, NAOS_CPU] {
      #expect(unsafe naos_write_ceiling(group, Int32(hierarchy), 2, &ceilings) == 0)
    }
    func written(_ name: String) -> String {
      String(decoding: contents(of: folder.path + "/" + name) ?? [], as: UTF8.self)
    }
    #expect(written("memory.max") == "67108864")
    #expect(written("memory.swap.max") == "0")
    #expect(written("memory.oom.group") == "1")
    #expect(written("pids.max") == "40")
    #expect(written("cpu.max") == "150000 100000")
  }

  @Test func `a ceiling without its file is not in force`() throws {
    let folder = try TemporaryFolder()
    let group = unsafe open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(group) }
    var ceilings = naos_ceilings(memory_bytes: 64 << 20, cpu_microseconds: 0, milli_cores: 1500, processes: 40)
    for hierarchy in [NAOS_MEMORY, NAOS_PIDS, NAOS_CPU] {
      for version in [1, 2] as [Int32] {
        #expect(unsafe naos_write_ceiling(group, Int32(hierarchy), version, &ceilings) == ENOENT)
      }
    }
  }

  static let events = [
    ("memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n", NAOS_CEILING_MEMORY),
    ("memory.events", "low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\n", NAOS_CEILING_NONE),
    ("pids.events", "max 3\n", NAOS_CEILING_PROCESSES), ("pids.events", "max 0\n", NAOS_CEILING_NONE),
  ]

  @Test(arguments: events)
  func `the unified hierarchy's events are read`(_ name: String, _ text: String, _ verdict: Int) throws {
    let hierarchy = name == "pids.events" ? NAOS_PIDS : NAOS_MEMORY
    let folder = try TemporaryFolder()
    _ = try folder.write(name, text, mode: 0o600)
    let group = unsafe open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(group) }
    #expect(naos_read_verdict(group, Int32(hierarchy), 2) == Int32(verdict))
  }
}
