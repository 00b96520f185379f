// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Knows when a connection under TLS may be used: once the other end has shown a certificate that holds.
///
/// Until then nothing of a request goes out, so that a provider that cannot be trusted, or that keeps silent, costs
/// nothing. It stands above TLS, on the event loop of its connection.
final class TLSGreeting: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var outcome: Result<Void, any Error>?
  private var whenOver: ((Result<Void, any Error>) -> Void)?

  /// Calls `body` once it is over, at once if it is already; a connection that takes too long for it is closed.
  func finish(
    on channel: any Channel, within limit: TimeAmount, _ body: @escaping (Result<Void, any Error>) -> Void
  ) {
    if let outcome { return body(outcome) }
    let timer = channel.eventLoop.assumeIsolated().scheduleTask(in: limit) {
      self.settle(.failure(ChannelError.connectTimeout(limit)))
      channel.close(promise: nil)
    }
    whenOver = { outcome in
      timer.cancel()
      body(outcome)
    }
  }

  private func settle(_ outcome: Result<Void, any Error>) {
    guard self.outcome == nil else { return }
    self.outcome = outcome
    whenOver?(outcome)
    whenOver = nil
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { settle(.success(())) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    settle(.failure(error))
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    settle(.failure(ChannelError.eof))
    context.fireChannelInactive()
  }

  /// Why there is no connection, in words; nil if the error is none of TLS.
  static func words(for error: any Error) -> String? {
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      "its certificate is for another name"
    case NIOSSLError.handshakeFailed(let reason):
      "\(reason)".contains("CERTIFICATE_VERIFY_FAILED")
        ? "its certificate is signed by nobody who is trusted here" : "it does not come to terms about TLS"
    case ChannelError.eof: "it closed the connection before it was secure"
    case is NIOSSLError, is NIOSSLExtraError: "it does not come to terms about TLS"
    default: nil
    }
  }
}
