// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
internal import NexusCore
internal import Synchronization

/// The node's end of the socket to one worker.
///
/// Frames are taken one at a time. A frame that is longer than it may be, of an unknown kind, of another call, or one
/// too many closes the channel: what a worker says is not believed.
final class WorkerChannel: Sendable {
  /// Why there is no frame.
  enum End: Error, Sendable, Hashable {
    /// The worker has ended.
    case closed
    /// It was not heard in time.
    case late
    /// It said what no worker says.
    case nonsense(String)
  }

  typealias Reply = Result<WorkerFrame, End>

  let id: UInt64
  private let state: Mutex<State>
  private let host: ChannelHost

  private struct State {
    var socket: Int32
    var head: [UInt8] = []
    var body: [UInt8] = []
    var expected: Expected?
    var frame: WorkerFrame?
    var outbox: [UInt8] = []
    var sent = 0
    var writes = false
    var waiting: [CheckedContinuation<Reply, Never>] = []
    var end: End?
    /// The call whose frames are due, and how long they may be.
    var call: UInt64 = 0
    var limit = 0
    var alarm: Alarm?
  }

  private struct Alarm {
    let deadline: Instant
    /// Why there is no frame after it.
    let end: End
    let action: @Sendable () -> Void
  }

  typealias Expected = (bytes: Int, kind: WorkerFrame.Kind)

  init(id: UInt64, socket: Int32, host: ChannelHost) {
    self.id = id
    self.host = host
    state = Mutex(State(socket: socket))
  }

  deinit { state.withLock { if $0.socket >= 0 { Glibc.close($0.socket) } } }

  /// Sends a frame; from now on frames of its call are due, of at most `limit` bytes each.
  func send(_ frame: WorkerFrame, limit: Int) {
    state.withLock { state in
      guard state.end == nil else { return }
      state.call = frame.call
      state.limit = limit
      state.outbox.append(contentsOf: frame.encoded)
      flush(&state)
    }
  }

  /// At `deadline` the channel is closed for the reason `end` and `action` is called, once; an earlier deadline counts no
  /// more.
  func arm(_ deadline: Instant, end: End = .late, _ action: @escaping @Sendable () -> Void = {}) {
    state.withLock { state in
      guard state.end == nil else { return }
      state.alarm = Alarm(deadline: deadline, end: end, action: action)
    }
    host.expectDeadline()
  }

  func disarm() { state.withLock { $0.alarm = nil } }

  /// Takes the next frame, or says why there is none.
  func next() async -> Reply {
    await withCheckedContinuation { waiter in
      let reply: Reply? = state.withLock { state in
        if let frame = state.frame {
          state.frame = nil
          return .success(frame)
        }
        if let end = state.end { return .failure(end) }
        state.waiting.append(waiter)
        return nil
      }
      if let reply { waiter.resume(returning: reply) }
    }
  }

  /// Lets go of the worker, which then ends.
  func close() { finish(.closed) }

  // MARK: Of the host's thread

  /// Called when there is something to read or room to write.
  func react() {
    let news = state.withLock { state -> (waiting: [CheckedContinuation<Reply, Never>], reply: Reply)? in
      guard state.end == nil else { return nil }
      flush(&state)
      guard let reply = read(&state) else { return nil }
      let waiting = state.waiting
      state.waiting = []
      switch reply {
      case .success(let frame):
        if waiting.isEmpty { state.frame = frame }
      case .failure(let end): shut(&state, end)
      }
      return (waiting, reply)
    }
    guard let news else { return }
    if case .failure = news.reply { host.forget(self) }
    for waiter in news.waiting { waiter.resume(returning: news.reply) }
  }

  /// Ends what was not heard in time.
  ///
  /// Whoever arms it anew meanwhile is either in time or finds it closed.
  func expire(at now: Instant) {
    let due: (alarm: Alarm, waiting: [CheckedContinuation<Reply, Never>])? = state.withLock { state in
      guard let alarm = state.alarm, alarm.deadline <= now else { return nil }
      shut(&state, alarm.end)
      defer { state.waiting = [] }
      return (alarm, state.waiting)
    }
    guard let due else { return }
    due.alarm.action()
    host.forget(self)
    for waiter in due.waiting { waiter.resume(returning: .failure(due.alarm.end)) }
  }

  var deadline: Instant? { state.withLock { $0.alarm?.deadline } }

  // MARK: Reading and writing

  private func finish(_ end: End) {
    let waiting: [CheckedContinuation<Reply, Never>] = state.withLock { state in
      guard state.end == nil else { return [] }
      shut(&state, end)
      defer { state.waiting = [] }
      return state.waiting
    }
    host.forget(self)
    for waiter in waiting { waiter.resume(returning: .failure(end)) }
  }

  private func shut(_ state: inout State, _ end: End) {
    state.end = end
    state.outbox = []
    state.body = []
    host.stopWatching(state.socket)
    Glibc.close(state.socket)
    state.socket = -1
    state.alarm = nil
  }

  private func flush(_ state: inout State) {
    while state.sent < state.outbox.count {
      let count = unsafe state.outbox.withUnsafeBytes { bytes in
        unsafe Glibc.send(
          state.socket, bytes.baseAddress.map { unsafe $0 + state.sent }, bytes.count - state.sent,
          Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      // That the worker is gone is read from the socket.
      guard count >= 0 else { break }
      state.sent += count
    }
    if state.sent == state.outbox.count {
      state.outbox.removeAll(keepingCapacity: state.outbox.count <= Self.keptBytes)
      state.sent = 0
    }
    let writes = !state.outbox.isEmpty
    if writes != state.writes {
      state.writes = writes
      host.watchWrites(state.socket, id, writes)
    }
  }

  private static let keptBytes = 1 << 16
  private static let pieceBytes = 1 << 18

  /// Reads until a frame is whole; nil if there is none yet.
  private func read(_ state: inout State) -> Reply? {
    while true {
      if let expected = state.expected, state.body.count == expected.bytes {
        let frame = WorkerFrame(kind: expected.kind, call: state.call, payload: state.body)
        state.expected = nil
        state.head = []
        state.body = []
        return state.frame == nil ? .success(frame) : .failure(.nonsense("a frame that nobody asked for"))
      }
      let wanted = state.expected.map { min($0.bytes - state.body.count, Self.pieceBytes) }
      var piece = [UInt8](repeating: 0, count: wanted ?? WorkerFrame.headBytes - state.head.count)
      let count = unsafe piece.withUnsafeMutableBytes { unsafe recv(state.socket, $0.baseAddress, $0.count, 0) }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { return nil }
      guard count > 0 else { return .failure(.closed) }
      if state.expected != nil {
        state.body.append(contentsOf: piece.prefix(count))
        continue
      }
      state.head.append(contentsOf: piece.prefix(count))
      guard state.head.count == WorkerFrame.headBytes else { continue }
      switch expect(state) {
      case .success(let expected): state.expected = expected
      case .failure(let problem): return .failure(.nonsense(problem.text))
      }
    }
  }

  private struct Nonsense: Error { let text: String }

  private func expect(_ state: State) -> Result<Expected, Nonsense> {
    let fields = WorkerHead(state.head)
    guard let kind = WorkerFrame.Kind(rawValue: fields.kind), fields.kind >= WorkerFrame.Kind.opened.rawValue else {
      return .failure(Nonsense(text: "a frame of the unknown kind \(fields.kind)"))
    }
    guard fields.call == state.call else { return .failure(Nonsense(text: "a frame of another call")) }
    guard fields.bytes <= state.limit else {
      return .failure(Nonsense(text: "a frame of \(fields.bytes) bytes, and at most \(state.limit) were due"))
    }
    return .success((Int(fields.bytes), kind))
  }
}

/// The head of a frame, read.
struct WorkerHead {
  let bytes: UInt32
  let kind: UInt32
  let call: UInt64

  init(_ head: [UInt8]) {
    func number(_ range: Range<Int>) -> UInt64 { head[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    bytes = UInt32(number(0..<4))
    kind = UInt32(number(4..<8))
    call = number(8..<16)
  }
}
