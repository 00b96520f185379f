// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import HummingbirdCore
internal import Logging
internal import NIOCore

/// Connections that outlive the moment in which a listener ends.
///
/// A connection that is accepted while the listener is cancelled is dropped before anybody reads it, and NIO traps when
/// the writer of such a connection is freed unfinished. So each connection is held until its socket is closed, and one
/// that nobody takes up is closed at once.
struct KeptConnections: ServerChildChannel {
  /// An accepted connection; closes the socket when it is dropped.
  final class Connection: ServerChildChannelValue {
    let channel: any Channel
    let value: HTTP1Channel.Value

    init(_ value: HTTP1Channel.Value) {
      self.value = value
      channel = value.channel
    }

    deinit { channel.close(promise: nil) }
  }

  let base: HTTP1Channel
  let room: ConnectionRoom

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
    room.enter(channel)
    return base.setup(channel: channel, logger: logger).flatMapThrowing { value in
      try NamedTargets.add(to: channel)
      // The next turn of the loop comes after everything that closing does.
      channel.closeFuture.whenComplete { _ in channel.eventLoop.execute { withExtendedLifetime(value) {} } }
      return Connection(value)
    }
  }

  func handle(value connection: Connection, logger: Logger) async {
    await base.handle(value: connection.value, logger: logger)
  }
}
