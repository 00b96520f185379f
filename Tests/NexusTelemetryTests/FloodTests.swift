// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import NexusTelemetry
import Synchronization
import Testing

/// Real processes that write much, through the launcher into the log of their agent.
@Suite(.timeLimit(.minutes(3)), .serialized) struct FloodTests {
  /// What came of a flood, as its log tells.
  struct Account {
    var kept = 0
    var dropped = 0
    var cutBytes = 0
  }

  private static func launch(_ script: String, into writer: AgentLogWriter) async throws -> ProcessExit {
    let request = LaunchRequest(
      arguments: ["python3", "-c", script],
      environment: [EnvironmentVariable("PATH", "/usr/local/bin:/usr/bin:/bin")], workingDirectory: "/tmp",
      label: "flood")
    let exit = try await GuardedLauncher().launch(request, output: writer).waitForExit()
    _ = await writer.finish()
    return exit
  }

  private static func store(in folder: TemporaryFolder, events: any EventSink = Tally()) -> AgentLogStore {
    AgentLogStore(directory: folder.path + "/logs", clock: SystemClock(), events: events, onFailure: { _ in })
  }

  private static func writer(of store: AgentLogStore) -> AgentLogWriter {
    store.writer(agent: AgentName("flood"), run: nil, attempt: nil, standardOutput: .held)
  }

  static func account(of lines: [LogEvent]) -> Account {
    var account = Account()
    for text in lines.map(\.text) {
      if text.hasPrefix("[… ") {
        account.dropped += Int(text.dropFirst(3).prefix { $0.isNumber }) ?? 0
      } else {
        account.kept += 1
        if text.hasSuffix(" bytes cut]"), let mark = text.lastIndex(of: "…") {
          account.cutBytes += Int(text[mark...].dropFirst(2).prefix { $0.isNumber }) ?? 0
        }
      }
    }
    return account
  }

  static func memory(_ key: String) -> Int {
    let status = (try? Files.read("/proc/self/status", limit: 1 << 16)) ?? []
    let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(key) }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? .max
  }

  @Test func `a gigabyte of lines on standard error is bounded in memory and on disk, and accounted for`() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let tally = Tally()
      let store = FloodTests.store(in: folder, events: tally)
      _ = try await FloodTests.launch("import sys; sys.stderr.write('warm\\n')", into: FloodTests.writer(of: store))
      let before = FloodTests.memory("VmHWM:")
      // 2^20 lines of 2^10 bytes.
      let script = """
        import os
        block = (b'x' * 1023 + b'\\n') * 1024
        for _ in range(1024): os.write(2, block)
        """
      let exit = try await FloodTests.launch(script, into: FloodTests.writer(of: store))
      let grown = FloodTests.memory("VmHWM:") - before
      let files = try Files.list(folder.path + "/logs")
      let size = try files.reduce(0) { try $0 + Files.read(folder.path + "/logs/" + $1, limit: 1 << 30).count }
      let account = tally.account
      // The files end with the newest lines of it, and the last says what was dropped.
      let last = try store.reader.tail(lines: 1).lines.first?.text ?? ""
      guard exit.status == .exited(code: 0), account.kept + account.dropped == 1 << 20 + 1,
        account.kept >= LogLimits().burstLines, grown < 64 * 1024, size <= 3 * 10 * 1024 * 1024, last.hasPrefix("[… ")
      else { Glibc.exit(1) }
    }
  }

  @Test func `nothing is lost below the limits, even all at once`() async throws {
    let folder = try TemporaryFolder()
    let store = Self.store(in: folder)
    let limits = LogLimits()
    let count = limits.burstLines - 10
    let length = limits.burstBytes / limits.burstLines - 10
    let script = """
      import os
      text = b''.join((b'%06d' % index).ljust(\(length), b'.') + b'\\n' for index in range(\(count)))
      while text: text = text[os.write(2, text):]
      """
    #expect(try await Self.launch(script, into: Self.writer(of: store)).status == .exited(code: 0))
    let lines = try store.reader.tail(lines: 100_000).lines.map(\.text)
    #expect(lines.count == count)
    #expect(lines.map { Int($0.prefix(6)) } == Array(0..<count))
    #expect(lines.allSatisfy { $0.utf8.count == length })
  }

  @Test func `a line without an end is cut, and what is cut is counted`() async throws {
    let folder = try TemporaryFolder()
    let store = Self.store(in: folder)
    let script = "import os\nfor _ in range(200): os.write(2, b'z' * (1 << 20))\nos.write(2, b'\\nlast words\\n')"
    #expect(try await Self.launch(script, into: Self.writer(of: store)).status == .exited(code: 0))
    let lines = try store.reader.tail(lines: 10).lines
    let account = Self.account(of: lines)
    #expect(account.kept == 2)
    #expect(account.dropped == 0)
    #expect(account.cutBytes + LogLimits().lineBytes == 200 << 20)
    #expect(lines.last?.text == "last words")
  }
}

/// Counts lines and the drops that are told, and keeps none.
final class Tally: EventSink {
  private let state = Mutex(FloodTests.Account())
  func publish(_ event: NodeEvent) {
    guard case .log(let line) = event else { return }
    let one = FloodTests.account(of: [line])
    state.withLock { state in
      state.kept += one.kept
      state.dropped += one.dropped
    }
  }
  var account: FloodTests.Account { state.withLock { $0 } }
}
