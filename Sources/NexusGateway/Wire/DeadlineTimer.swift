// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// One deadline that moves with every request: cheap to set, because only the time is noted and the one scheduled
/// wake-up looks whether it has really come.
///
/// Lives on one event loop.
final class DeadlineTimer {
  private let loop: any EventLoop
  private var deadline: NIODeadline?
  private var scheduled: Scheduled<Void>?
  private var action: (() -> Void)?

  init(loop: any EventLoop) { self.loop = loop }

  /// Calls `action` after `delay`, unless it is set or cleared before.
  func set(_ delay: Duration, _ action: @escaping () -> Void) {
    let deadline = loop.now + TimeAmount(delay)
    self.action = action
    let isSooner = self.wakeUp.map { deadline < $0 } ?? true
    self.deadline = deadline
    if isSooner {
      scheduled?.cancel()
      schedule(deadline)
    }
  }

  func clear() {
    deadline = nil
    action = nil
  }

  /// Forgets the scheduled wake-up too; the timer is not used again.
  func stop() {
    clear()
    scheduled?.cancel()
    scheduled = nil
    wakeUp = nil
  }

  private var wakeUp: NIODeadline?

  private func schedule(_ at: NIODeadline) {
    wakeUp = at
    scheduled = loop.assumeIsolated().scheduleTask(deadline: at) { self.woke() }
  }

  private func woke() {
    scheduled = nil
    wakeUp = nil
    guard let deadline else { return }
    guard deadline <= loop.now else { return schedule(deadline) }
    let action = action
    clear()
    action?()
  }
}

extension TimeAmount {
  /// A duration of ours in the words of the network library.
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
