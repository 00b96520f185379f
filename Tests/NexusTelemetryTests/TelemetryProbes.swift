// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusTelemetry
import Synchronization

/// A clock that stands still until it is moved.
final class StillClock: NexusClock {
  private let time = Mutex(Int64(0))
  func now() -> Instant { Instant(nanoseconds: time.withLock { $0 }) }
  func wallNow() -> WallTime {
    WallTime(microseconds: 1_790_000_000_123_000) + .nanoseconds(time.withLock { $0 })
  }
  func sleep(until deadline: Instant) async throws {}
  func advance(by duration: Duration) { time.withLock { $0 += duration.wholeNanoseconds } }
}

/// Keeps the log events that were published.
final class Events: EventSink {
  private let events = Mutex([LogEvent]())
  func publish(_ event: NodeEvent) {
    if case .log(let line) = event { events.withLock { $0.append(line) } }
  }
  var lines: [LogEvent] { events.withLock { $0 } }
  var texts: [String] { lines.map(\.text) }
}

/// Keeps the failures that a store's owner was told of.
final class Failures: Sendable {
  private let failures = Mutex([LogFailure]())
  func add(_ failure: LogFailure) { failures.withLock { $0.append(failure) } }
  var all: [LogFailure] { failures.withLock { $0 } }
}

/// A folder that is removed with everything in it when the test lets go of it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = "/tmp/" + "naos-test-" + String(SystemRandom().next(), radix: 16)
    try Files.makeDirectory(path, mode: 0o700)
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    for name in (try? Files.list(path)) ?? [] { remove(path + "/" + name) }
    if unsafe rmdir(path) != 0 { unsafe unlink(path) }
  }
}

/// A store in a folder of its own, with everything that it tells others.
struct LogBench {
  let folder: TemporaryFolder
  let directory: String
  let clock = StillClock()
  let events = Events()
  let failures = Failures()
  let store: AgentLogStore

  init(
    folder: TemporaryFolder? = nil, secrets: [String] = [], _ adjust: (inout LogLimits) -> Void = { _ in }
  ) throws {
    var limits = LogLimits()
    adjust(&limits)
    let folder = try folder ?? TemporaryFolder()
    self.folder = folder
    directory = folder.path + "/logs"
    let failures = failures
    store = AgentLogStore(
      directory: directory, limits: limits, secrets: secrets, clock: clock, events: events,
      onFailure: { failures.add($0) })
  }

  func writer(_ agent: String = "researcher", _ use: StandardOutputUse = .logged) -> AgentLogWriter {
    store.writer(agent: AgentName(agent), run: RunID("run_1"), attempt: AttemptNumber(2), standardOutput: use)
  }

  func texts(_ agent: String = "researcher") throws -> [String] {
    try store.reader.tail(agent: AgentName(agent), lines: 100_000).lines.map(\.text)
  }

  var files: [String] { (try? Files.list(directory)) ?? [] }
}

extension AgentLogWriter {
  func write(_ text: String, _ stream: OutputStream = .standardError) { received(Array(text.utf8), from: stream) }
}
