// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import Synchronization

/// What one dashboard has yet to be told: the bytes of the latest beat, or, behind a slow one, the latest value of each
/// thing that changed; never a queue of changes.
package final class DashboardStream: FrameSource {
  private struct State {
    var needsBeginning = true
    /// True before the first beginning: there is nothing to reset yet.
    var isFresh = true
    /// The one beat that waits, and its bytes, which all dashboards share.
    var latest: (news: StreamNews, frames: [UInt8])?
    var debt = StreamDebt()
    var isDue = false
    var isEnded = false
    var lastWrite: Instant
    var writingSince: Instant?
    var reader: CheckedContinuation<Void, Never>?

    var hasNews: Bool { needsBeginning || latest != nil || !debt.isEmpty }
  }

  private let boot: BootID
  private let clock: any NexusClock
  private let begin: @Sendable (DashboardStream) async -> [UInt8]?
  private let connection: StreamConnection
  /// Whether what opened it is still good.
  let isWelcome: @Sendable () -> Bool
  private let state: Mutex<State>

  /// `begin` gives the frame with everything, once the stream has joined those that are told of changes.
  init(
    boot: BootID, clock: any NexusClock, connection: StreamConnection, while isWelcome: @escaping @Sendable () -> Bool,
    begin: @escaping @Sendable (DashboardStream) async -> [UInt8]?
  ) {
    self.boot = boot
    self.clock = clock
    self.connection = connection
    self.isWelcome = isWelcome
    self.begin = begin
    state = Mutex(State(lastWrite: clock.now()))
  }

  // MARK: The hub's side.

  /// From now on what changes is for this one, too; what happens while the beginning is taken is told twice, which is
  /// right for values, and lines have their time.
  ///
  /// - Returns: Whether this is the first time.
  func join() -> Bool {
    state.withLock { state in
      state.needsBeginning = false
      return state.isFresh
    }
  }

  func push(_ news: StreamNews, frames: [UInt8]) {
    state.withLock { state in
      guard !state.needsBeginning else { return }
      if state.latest == nil, state.debt.isEmpty {
        state.latest = (news, frames)
      } else {
        if let latest = state.latest { state.debt.add(latest.news) }
        state.latest = nil
        state.debt.add(news)
      }
    }
  }

  /// Forgets what waits and starts afresh, for example because an agent came or went.
  func restart() { state.withLock { Self.restart(&$0) } }

  private static func restart(_ state: inout State) {
    state.needsBeginning = true
    state.latest = nil
    state.debt = StreamDebt()
  }

  /// Lets the reader go on if there is something to say, restarts the slow, ends the stuck.
  func flush() {
    let now = clock.now()
    let (reader, isStuck) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
      if let since = state.writingSince {
        if now - since >= OperatorLimits.stuckAfter { return (nil, true) }
        if now - since >= OperatorLimits.slowAfter { Self.restart(&state) }
        return (nil, false)
      }
      guard state.hasNews || now - state.lastWrite >= OperatorLimits.heartbeat else { return (nil, false) }
      state.isDue = true
      return (state.reader.take(), false)
    }
    reader?.resume()
    if isStuck {
      connection.close()
      end()
    }
  }

  // MARK: The connection's side.

  /// The hub does the work, once for all.
  package func pump() async {}

  package func next() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        if state.isEnded || state.isDue || state.isFresh { return true }
        state.reader = continuation
        return false
      }
      if goesOn { continuation.resume() }
    }
    let (isEnded, needsBeginning) = state.withLock { ($0.isEnded, $0.needsBeginning) }
    if isEnded { return nil }
    guard needsBeginning else { return take() }
    guard let bytes = await begin(self) else { return nil }
    return state.withLock { state in
      if state.isEnded { return nil }
      Self.startWriting(&state, at: clock.now())
      return bytes
    }
  }

  private func take() -> [UInt8]? {
    let now = clock.now()
    return state.withLock { state in
      if state.isEnded { return nil }
      Self.startWriting(&state, at: now)
      if let latest = state.latest {
        state.latest = nil
        return latest.frames
      }
      return state.debt.isEmpty ? SSEFrame.heartbeat : state.debt.take().frames(boot: boot)
    }
  }

  private static func startWriting(_ state: inout State, at now: Instant) {
    state.isDue = false
    state.isFresh = false
    state.writingSince = now
  }

  package func written() {
    let now = clock.now()
    state.withLock { state in
      state.writingSince = nil
      state.lastWrite = now
    }
  }

  package func end() {
    let reader = state.withLock { state in
      state.isEnded = true
      Self.restart(&state)
      return state.reader.take()
    }
    reader?.resume()
  }

  var isEnded: Bool { state.withLock(\.isEnded) }
}
