// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// The one place where work of an event loop goes to Swift concurrency and comes back.
///
/// Only what is off the hot path crosses it: reading a recorded outcome, tool calls, agent calls.
enum AsyncBridge {
  /// Runs `operation` on the concurrent executor and `completion` with its result on the event loop.
  ///
  /// Must be called on the event loop. The answer cancels the operation's task; the completion comes all the same.
  @discardableResult
  static func run<Value: Sendable>(
    on loop: any EventLoop, _ operation: @escaping @Sendable () async -> Value,
    then completion: @escaping (Value) -> Void
  ) -> @Sendable () -> Void {
    let bound = NIOLoopBound(completion, eventLoop: loop)
    let task = Task {
      let value = await operation()
      loop.execute { bound.value(value) }
    }
    return { task.cancel() }
  }
}

extension EventLoop {
  /// Runs `body` now if this is the loop's own thread, else as soon as the loop comes to it.
  func runInside(_ body: @escaping @Sendable () -> Void) {
    if inEventLoop { body() } else { execute(body) }
  }
}
