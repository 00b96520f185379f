// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOSSL
internal import NexusCore

/// Both sides of the TLS of a grant that ends at the gate: what speaks for the host to the agent, and how the host is
/// spoken to.
struct Termination: Sendable {
  let server: NIOSSLContext
  let client: NIOSSLContext

  /// Without a word of HTTP/2 on either side: what is read here is HTTP/1.
  private static let protocols = ["http/1.1"]

  /// The connection is closed by then; this is for what TLS keeps of it.
  private static let farewell = TimeAmount.seconds(1)

  init(_ identity: SandboxTrust.Identity, client: NIOSSLContext) throws {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: [.certificate(try NIOSSLCertificate(bytes: identity.certificate, format: .der))],
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .der)))
    configuration.minimumTLSVersion = .tlsv12
    configuration.shutdownTimeout = Self.farewell
    configuration.applicationProtocols = Self.protocols
    server = try NIOSSLContext(configuration: configuration)
    self.client = client
  }

  /// How hosts are spoken to whose certificates `authority` has signed; nil: whom the machine trusts.
  static func client(_ authority: HostAuthority?) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.shutdownTimeout = farewell
    configuration.applicationProtocols = protocols
    if let authority {
      configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  /// TLS towards the host, whose certificate has to name it.
  func handler(to grant: HostGrant) throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(context: client, serverHostname: grant.literal == nil ? grant.host : nil)
  }

  /// Only a word that ends a connection is missing, which is for HTTP to judge: it knows whether its messages are whole.
  static func isCut(_ error: any Error) -> Bool {
    if case NIOSSLError.uncleanShutdown = error { return true }
    return false
  }

  /// Why the host cannot be spoken to.
  static func words(for error: any Error) -> String {
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname: "its certificate is for another name"
    case NIOSSLError.handshakeFailed(let reason) where "\(reason)".contains("CERTIFICATE_VERIFY_FAILED"):
      "its certificate is signed by nobody who is trusted here, or is not valid now"
    default: "it does not come to terms about TLS"
    }
  }
}
