// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Testing

/// Much at once, and much in all.
@Suite(.timeLimit(.minutes(5)), .serialized) struct LoadTests {
  /// The most memory that this process ever had, in KiB.
  static func peakMemory() -> Int {
    let status = String(decoding: contents(of: "/proc/self/status") ?? [], as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? .max
  }

  @Test func `a gigabyte of output is taken without growing`() async {
    await #expect(processExitsWith: .success) {
      let launcher = GuardedLauncher()
      _ = try await launcher.launch(shell("echo warm"), output: Counter()).waitForExit()
      let before = LoadTests.peakMemory()
      let counter = Counter()
      let process = try await launcher.launch(
        shell("dd if=/dev/zero bs=1M count=1024 status=none & dd if=/dev/zero bs=1M count=16 status=none >&2; wait"),
        output: counter)
      let status = await process.waitForExit().status
      guard status == .exited(code: 0), counter.total() == 1 << 30, counter.total(.standardError) == 16 << 20,
        LoadTests.peakMemory() - before < 16 * 1024
      else { exit(1) }
    }
  }

  @Test func `two hundred launches at once all run and end`() async throws {
    let launcher = GuardedLauncher()
    let statuses = try await withThrowingTaskGroup { group in
      for index in 0..<200 {
        group.addTask {
          let output = Recorder()
          let process = try await launcher.launch(shell("cat; exit \(index % 100)", input: "\(index)"), output: output)
          let exit = await process.waitForExit()
          return exit.status == .exited(code: Int32(index % 100)) && output.text() == "\(index)"
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.count == 200)
    #expect(statuses.allSatisfy { $0 })
  }

  @Test func `a thousand agents live side by side and all die at the end`() async throws {
    let launcher = GuardedLauncher()
    let tag = uniqueTag("thousand")
    let agents = try await withThrowingTaskGroup { group in
      for _ in 0..<1000 {
        group.addTask { try await launcher.launch(shell("exec sleep 1000", tag: tag), output: Counter()) }
      }
      return try await group.reduce(into: [any LaunchedProcess]()) { $0.append($1) }
    }
    #expect(Set(agents.map(\.pid)).count == 1000)
    for agent in agents.prefix(500) { agent.signal(.terminate) }
    for agent in agents.prefix(500) { #expect(await agent.waitForExit().status == .signalled(signal: SIGTERM)) }
    await launcher.shutDown()
    for agent in agents.dropFirst(500) { #expect(await agent.waitForExit().status == .signalled(signal: SIGKILL)) }
    #expect(processes(tagged: tag) == [])
  }

  @Test func `launches beyond the limit of open files fail, and later ones work`() async {
    await #expect(processExitsWith: .success) {
      let launcher = GuardedLauncher()
      _ = try await launcher.launch(shell("true"), output: Counter()).waitForExit()
      var limit = rlimit()
      unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      limit.rlim_cur = 60
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      var running: [any LaunchedProcess] = []
      var failures: [LaunchError] = []
      for _ in 0..<40 {
        do throws(LaunchError) {
          running.append(try await launcher.launch(shell("exec sleep 1000"), output: Counter()))
        } catch {
          failures.append(error)
        }
      }
      for process in running { process.signal(.kill) }
      for process in running { _ = await process.waitForExit() }
      let output = Recorder()
      _ = try await launcher.launch(shell("echo works"), output: output).waitForExit()
      guard running.count > 5, !failures.isEmpty, output.text() == "works\n",
        failures.allSatisfy({ $0.stage == .launcher && $0.errorNumber == EMFILE })
      else { exit(1) }
    }
  }

  @Test func `no descriptor is left open by a thousand launches`() async throws {
    await #expect(processExitsWith: .success) {
      func openFiles() -> Int {
        (0..<4096).count { fcntl(Int32($0), F_GETFD) >= 0 }
      }
      let launcher = GuardedLauncher()
      _ = try await launcher.launch(shell("true"), output: Counter()).waitForExit()
      let before = openFiles()
      for index in 0..<1000 {
        var request = shell("true", input: "x")
        if index % 3 == 0 { request.arguments = ["/no/such/program"] }
        _ = try? await launcher.launch(request, output: Counter()).waitForExit()
      }
      guard openFiles() == before else { exit(1) }
      await launcher.shutDown()
    }
  }
}
