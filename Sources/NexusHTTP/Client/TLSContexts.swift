// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOSSL
internal import Synchronization

/// The TLS configuration, built at the first use, because it reads the system's certificates.
final class TLSContexts: Sendable {
  private let trustRoots: [UInt8]?
  private let additionalTrustRoots: [[UInt8]]
  private let verifiesCertificates: Bool
  private let made = Mutex<NIOSSLContext?>(nil)

  init(trustRoots: [UInt8]?, additionalTrustRoots: [[UInt8]], verifiesCertificates: Bool) {
    self.trustRoots = trustRoots
    self.additionalTrustRoots = additionalTrustRoots
    self.verifiesCertificates = verifiesCertificates
  }

  func context() throws(HTTPClientError) -> NIOSSLContext {
    do {
      return try made.withLock { made throws -> NIOSSLContext in
        if let made { return made }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        configuration.minimumTLSVersion = .tlsv12
        if let trustRoots { configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(trustRoots)) }
        if !verifiesCertificates { configuration.certificateVerification = .none }
        configuration.additionalTrustRoots = try additionalTrustRoots.map {
          .certificates(try NIOSSLCertificate.fromPEMBytes($0))
        }
        let context = try NIOSSLContext(configuration: configuration)
        made = context
        return context
      }
    } catch {
      throw HTTPClientError(.tls, "the trusted certificates could not be read: \(error)")
    }
  }
}
