// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import CWasmtime
internal import Glibc
internal import NexusCore
internal import Synchronization

/// Hears all workers, on one thread that waits in epoll, and ends those that are late.
final class ChannelHost: Sendable {
  /// How late a deadline may be noticed: a tenth of the time that a worker has beyond it.
  static let watchMilliseconds: Int32 = 10
  /// The thread goes on looking this often after the last deadline; then it sleeps until something comes.
  static let quietLooks = 200

  private let clock: any NexusClock
  private let poller = Descriptor(naos_poller_create())
  private let wakeup = Descriptor(naos_poller_wakeup_create())
  private let state = Mutex(State())

  private struct State {
    var channels: [UInt64: WorkerChannel] = [:]
    var nextID: UInt64 = 1
    var threadRuns = false
    var sleeps = false
    var isClosing = false
  }

  init(clock: any NexusClock) { self.clock = clock }

  /// Makes a channel; the worker's end is the caller's.
  func open() throws(WasmProblem) -> (channel: WorkerChannel, theirs: Int32) {
    var ours: Int32 = -1
    var theirs: Int32 = -1
    guard unsafe naos_wasm_pair(&ours, &theirs) == 0 else { throw .worker("no socket can be made") }
    let channel: WorkerChannel? = state.withLock { state in
      guard ensureThread(&state) else { return nil }
      defer { state.nextID += 1 }
      let channel = WorkerChannel(id: state.nextID, socket: ours, host: self)
      state.channels[channel.id] = channel
      return channel
    }
    guard let channel else {
      close(ours)
      close(theirs)
      throw .worker("it is shut down")
    }
    naos_poller_add(poller.number, ours, channel.id)
    return (channel, theirs)
  }

  func watchWrites(_ socket: Int32, _ id: UInt64, _ writes: Bool) {
    naos_poller_watch_writes(poller.number, socket, id, writes)
  }

  func stopWatching(_ socket: Int32) { naos_poller_remove(poller.number, socket) }

  func forget(_ channel: WorkerChannel) { state.withLock { _ = $0.channels.removeValue(forKey: channel.id) } }

  /// A deadline was set: the thread has to look for it.
  func expectDeadline() {
    let sleeps = state.withLock { state in
      defer { state.sleeps = false }
      return state.sleeps
    }
    if sleeps { naos_poller_wake(wakeup.number) }
  }

  /// Closes all channels and ends the thread.
  func shutDown() {
    let channels = state.withLock { state in
      state.isClosing = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.close() }
    naos_poller_wake(wakeup.number)
  }

  private func ensureThread(_ state: inout State) -> Bool {
    if state.isClosing || poller.number < 0 || wakeup.number < 0 { return false }
    if state.threadRuns { return true }
    naos_poller_add(poller.number, wakeup.number, 0)
    let context = unsafe Unmanaged.passRetained(self)
    let error = unsafe naos_thread_start(
      "naos-wasm",
      { context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<ChannelHost>.fromOpaque(context).takeRetainedValue().run()
      },
      context.toOpaque())
    if error != 0 { unsafe context.release() }
    state.threadRuns = error == 0
    return state.threadRuns
  }

  private func run() {
    var tokens = [UInt64](repeating: 0, count: 64)
    var quiet = 0
    while !state.withLock({ $0.isClosing }) {
      let count = unsafe naos_poller_wait(poller.number, &tokens, Int32(tokens.count), patience(quiet))
      for token in tokens.prefix(Int(count)) {
        if token == 0 {
          naos_poller_drain_wakeup(wakeup.number)
          quiet = 0
        } else {
          state.withLock { $0.channels[token] }?.react()
        }
      }
      quiet = lookForDeadlines() ? 0 : quiet + 1
    }
  }

  private func patience(_ quiet: Int) -> Int32 {
    if quiet < Self.quietLooks { return Self.watchMilliseconds }
    state.withLock { $0.sleeps = true }
    // One that was set before `sleeps` was: it wakes nobody.
    return hasDeadlines ? Self.watchMilliseconds : -1
  }

  private var hasDeadlines: Bool { state.withLock { $0.channels.values.contains { $0.deadline != nil } } }

  /// - Returns: whether there is any.
  private func lookForDeadlines() -> Bool {
    let channels = state.withLock { Array($0.channels.values) }
    let now = clock.now()
    for channel in channels { channel.expire(at: now) }
    return channels.contains { $0.deadline != nil }
  }
}

/// An open file that is closed when nobody needs it any more.
final class Descriptor: Sendable {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { if number >= 0 { close(number) } }
}
