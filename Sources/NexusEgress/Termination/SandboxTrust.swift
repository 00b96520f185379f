// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
package import NexusCore

/// An authority for one sandbox, and the certificates of its hosts that it has signed.
///
/// The authority's key is forgotten with the last signature, so nobody can ever sign another one; those of the hosts are
/// in memory alone.
package struct SandboxTrust: Sendable {
  /// What speaks for a host at the gate.
  struct Identity: Sendable {
    let certificate: [UInt8]
    let key: [UInt8]
  }

  /// Certificates outlive every program that trusts them, because their keys end with it; but not for ever.
  private static let lifetime = Duration.seconds(2 * 366 * 86_400)
  /// Clocks are set back.
  private static let earlier = Duration.seconds(-86_400)

  /// The authority's certificate, DER.
  package let authority: [UInt8]
  let identities: [String: Identity]

  /// Makes all of it anew, for the hosts of one sandbox whose TLS ends at the gate.
  package init(for hosts: Set<String>, at now: WallTime, random: any RandomSource) throws {
    let key = try Self.key(random)
    let name = "naos sandbox \(Self.hexadecimal(random.bytes(8)))"
    let (from, until) = (now + Self.earlier, now + Self.lifetime)
    func certificate(_ subject: String, _ kind: Certificate.Subject, _ own: P256.Signing.PublicKey) throws -> [UInt8] {
      try Certificate(
        serial: random.bytes(16), issuer: name, subject: subject, kind: kind, from: from, until: until, key: own,
        issuerKey: key.publicKey
      ).signed(by: key)
    }
    authority = try certificate(name, .authority(hosts: hosts.sorted()), key.publicKey)
    identities = try hosts.reduce(into: [:]) { identities, host in
      let own = try Self.key(random)
      // No host's name: some who find none elsewhere hold it against the names that the authority may sign for.
      identities[host] = Identity(
        certificate: try certificate("the gate of \(name)", .host(host), own.publicKey),
        key: Array(own.derRepresentation))
    }
  }

  /// The authority's certificate as files hold it.
  package var pem: String { PEM.certificate(authority) }

  /// That of one of its hosts; nil if there is no such.
  package func pem(of host: String) -> String? { identities[host].map { PEM.certificate($0.certificate) } }

  /// Nearly every 32 bytes are a key.
  private static func key(_ random: any RandomSource) throws -> P256.Signing.PrivateKey {
    for _ in 0..<8 { if let key = try? P256.Signing.PrivateKey(rawRepresentation: random.bytes(32)) { return key } }
    return try P256.Signing.PrivateKey(rawRepresentation: random.bytes(32))
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

/// The form in which files hold certificates (RFC 7468).
enum PEM {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let lineLength = 64

  static func certificate(_ der: [UInt8]) -> String {
    var lines = ["-----BEGIN CERTIFICATE-----"]
    var rest = base64(der)[...]
    while !rest.isEmpty {
      lines.append(String(decoding: rest.prefix(lineLength), as: UTF8.self))
      rest = rest.dropFirst(lineLength)
    }
    return (lines + ["-----END CERTIFICATE-----", ""]).joined(separator: "\n")
  }

  private static func base64(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let padded = Array(group) + [UInt8](repeating: 0, count: 3 - group.count)
      let number = padded.reduce(0) { $0 << 8 | Int($1) }
      for place in 0..<4 {
        text.append(place <= group.count ? alphabet[number >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return text
  }
}
