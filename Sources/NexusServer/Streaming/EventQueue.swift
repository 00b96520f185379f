// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import Synchronization

/// A stream of the node as server-sent events, one element an event: what the command line reads.
///
/// A slow reader loses the oldest elements and is told how many.
final class EventQueue<Element: WireValue>: FrameSource {
  private struct State {
    var waiting = Backlog<JSONValue>(limit: OperatorLimits.backlogLines)
    var beatIsDue = false
    var isEnded = false
    var lastWrite: Instant
    var writingSince: Instant?
    var reader: CheckedContinuation<Void, Never>?
  }

  private let name: String
  private let elements: AsyncStream<Element>
  private let clock: any NexusClock
  private let connection: StreamConnection
  private let isWelcome: @Sendable () -> Bool
  private let state: Mutex<State>

  /// `isWelcome` is asked at each beat; where it is not, the stream ends.
  init(
    _ name: String, _ elements: AsyncStream<Element>, clock: any NexusClock, connection: StreamConnection,
    while isWelcome: @escaping @Sendable () -> Bool = { true }
  ) {
    self.isWelcome = isWelcome
    self.name = name
    self.elements = elements
    self.clock = clock
    self.connection = connection
    // The first beat goes out at once, so that the client knows that it is heard.
    state = Mutex(State(beatIsDue: true, lastWrite: clock.now()))
  }

  func pump() async {
    await withDiscardingTaskGroup { group in
      group.addTask(name: "event-queue:beats") { await self.beat() }
      for await element in elements { wake { $0.waiting.append(element.json) } }
      end()
      group.cancelAll()
    }
  }

  private func beat() async {
    while (try? await clock.sleep(until: clock.now() + OperatorLimits.heartbeat)) != nil {
      let now = clock.now()
      let since = state.withLock(\.writingSince)
      if let since, now - since >= OperatorLimits.stuckAfter {
        connection.close()
        return end()
      }
      guard isWelcome() else { return end() }
      wake { $0.beatIsDue = true }
    }
  }

  private func wake(_ change: (inout sending State) -> Void) {
    let reader = state.withLock { state in
      change(&state)
      return state.reader.take()
    }
    reader?.resume()
  }

  func next() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        if state.isEnded || state.beatIsDue || !state.waiting.isEmpty { return true }
        state.reader = continuation
        return false
      }
      if goesOn { continuation.resume() }
    }
    let now = clock.now()
    return state.withLock { state in
      let (elements, skipped) = state.waiting.take()
      if elements.isEmpty, state.isEnded { return nil }
      state.beatIsDue = false
      state.writingSince = now
      guard !elements.isEmpty else { return SSEFrame.heartbeat }
      var bytes: [UInt8] = []
      if skipped > 0 { bytes += SSEFrame.event("skipped", data: ["count": .int(Int64(skipped))]) }
      for element in elements { bytes += SSEFrame.event(name, data: element) }
      return bytes
    }
  }

  func written() { state.withLock { $0.writingSince = nil } }
  func end() { wake { $0.isEnded = true } }
}
