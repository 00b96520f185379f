// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusSandbox

/// Measures the process launcher by itself: `naos-bench-process [AGENTS [PAUSE_MICROSECONDS]]`, or what a
/// sandbox adds: `naos-bench-process sandbox [ROUNDS]`.
///
/// Kills and starts one agent again and again, on machines with fewer and fewer kinds of control groups; then does the
/// same among many idle ones, and kills two hundred at once.
@main
struct ProcessBench {
  static func main() async throws {
    if CommandLine.arguments.dropFirst().first == "sandbox" {
      try await SandboxBench.run(rounds: CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 200)
      return
    }
    let numbers = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
    let agents = max(200, numbers.first ?? 1_000)
    let pause = UInt32(clamping: numbers.dropFirst().first ?? 5_000)
    try ProcessHardening.raiseFileLimit()
    var groupless = GuardedLauncher.Abilities()
    groupless.groups = false
    let ceilings = ProcessCeilings(memoryBytes: 64 << 20, processes: 64)
    try await restart("one agent, no groups", groupless, .none, pause)
    try await restart("one agent", GuardedLauncher.Abilities(), .none, pause)
    try await restart("one agent with ceilings", GuardedLauncher.Abilities(), ceilings, pause)
    try await crowd(agents, pause)
  }

  private static func restart(
    _ name: String, _ abilities: GuardedLauncher.Abilities, _ ceilings: ProcessCeilings, _ pause: UInt32
  ) async throws {
    let launcher = GuardedLauncher(abilities: abilities)
    try launcher.start()
    var process = try await launcher.launch(request(ceilings), output: Nobody())
    var timings = Timings()
    for _ in 0..<200 { process = try await again(process, launcher, ceilings, pause, &timings) }
    timings.report(name)
    await launcher.shutDown()
  }

  private static func again(
    _ process: any LaunchedProcess, _ launcher: GuardedLauncher, _ ceilings: ProcessCeilings, _ pause: UInt32,
    _ timings: inout Timings
  ) async throws -> any LaunchedProcess {
    usleep(pause)
    let killed = nanoseconds()
    kill(process.pid, SIGKILL)
    _ = await process.waitForExit()
    let ended = nanoseconds()
    let next = try await launcher.launch(request(ceilings), output: Nobody())
    timings.ends.append(ended - killed)
    timings.restarts.append(nanoseconds() - killed)
    return next
  }

  private static func crowd(_ count: Int, _ pause: UInt32) async throws {
    let launcher = GuardedLauncher()
    try launcher.start()
    let begin = nanoseconds()
    var processes = try await withThrowingTaskGroup { group in
      for _ in 0..<count { group.addTask { try await launcher.launch(request(), output: Nobody()) } }
      return try await group.reduce(into: [any LaunchedProcess]()) { $0.append($1) }
    }
    print("\(count) agents: started in \(milliseconds(since: begin)) ms")
    let guardPID = launcher.guardPID ?? 0
    let before = (processorTime(of: getpid()), processorTime(of: guardPID))
    sleep(10)
    print(
      "\(count) agents, idle for 10 s: launcher \(processorTime(of: getpid()) - before.0) ms,"
        + " guard \(processorTime(of: guardPID) - before.1) ms of processor time")
    print("\(count) agents: launcher \(memory(of: getpid())), guard \(memory(of: guardPID))")
    var timings = Timings()
    for index in 0..<200 {
      processes[index] = try await again(processes[index], launcher, .none, pause, &timings)
    }
    timings.report("one of \(count) agents")
    let storm = nanoseconds()
    for process in processes.prefix(200) { kill(process.pid, SIGKILL) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for process in processes.prefix(200) {
        group.addTask {
          _ = await process.waitForExit()
          _ = try await launcher.launch(request(), output: Nobody())
        }
      }
      try await group.waitForAll()
    }
    print("200 of \(count) agents killed at once: all back in \(milliseconds(since: storm)) ms")
    let end = nanoseconds()
    await launcher.shutDown()
    print("\(count) agents: shut down in \(milliseconds(since: end)) ms")
  }

  private static func request(_ ceilings: ProcessCeilings = .none) -> LaunchRequest {
    LaunchRequest(
      arguments: ["/bin/sleep", "100000"], environment: [], workingDirectory: "/", label: "bench", ceilings: ceilings)
  }

  private static func milliseconds(since start: Int64) -> Int64 { (nanoseconds() - start) / 1_000_000 }

  static func nanoseconds() -> Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }

  private static func text(_ path: String) -> String {
    String(decoding: (try? Files.read(path, limit: 65_536)) ?? [], as: UTF8.self)
  }

  /// User and system time in milliseconds; the kernel counts in hundredths of a second.
  private static func processorTime(of pid: Int32) -> Int {
    let fields = text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? ((Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)) * 10 : 0
  }

  private static func memory(of pid: Int32) -> String {
    let line = text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().joined(separator: " ")) ?? "?"
  }
}

private struct Timings {
  var ends: [Int64] = []
  var restarts: [Int64] = []

  func report(_ name: String) {
    print("\(name), kill to report: \(Self.figures(ends))")
    print("\(name), kill to new process: \(Self.figures(restarts))")
  }

  private static func figures(_ samples: [Int64]) -> String {
    let sorted = samples.sorted()
    func at(_ percent: Int) -> Double {
      Double(sorted[min(sorted.count - 1, sorted.count * percent / 100)] / 1000) / 1000
    }
    return "p50 \(at(50)) ms, p99 \(at(99)) ms"
  }
}

private final class Nobody: OutputReceiver {
  func received(_ bytes: [UInt8], from stream: OutputStream) {}
}
