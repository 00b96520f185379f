// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOPosix

/// Takes work off the event loops that would keep their other connections waiting: reading long bodies.
///
/// It has few threads, so that however many long bodies come, few are taken apart at a time.
final class HeavyWork: Sendable {
  private let pool: NIOThreadPool
  /// Work on so many bytes is done at once.
  private let lightBytes: Int

  init(_ limits: GatewayLimits) {
    pool = NIOThreadPool(numberOfThreads: limits.heavyThreads)
    lightBytes = limits.inlineBodyBytes
    pool.start()
  }

  /// Does work on `size` bytes and calls `completion` with its result on the event loop; at once if that is quick.
  func run<Value: Sendable>(
    on size: Int, _ loop: any EventLoop, _ work: @escaping @Sendable () -> Value,
    then completion: @escaping (Value) -> Void
  ) {
    if size <= lightBytes { return completion(work()) }
    pool.runIfActive(eventLoop: loop, work).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let value): completion(value)
      // The pool stops after the last connection; who still comes is served slowly rather than never.
      case .failure: completion(work())
      }
    }
  }

  func stop() async { try? await pool.shutdownGracefully() }
}
