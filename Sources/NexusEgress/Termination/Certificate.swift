// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Certificates (RFC 5280 §4.1) of two kinds: of the authority of one sandbox, which may sign for its hosts only, and of
// one host, signed by it.
//
//   Certificate: { TBS, algorithm, signature } | TBS: { [0] version 2, serial, algorithm, issuer, { not before, not
//   after }, subject, public key, [3] extensions }

internal import Crypto
internal import NexusCore

/// What stands in a certificate.
struct Certificate {
  /// Whom it is for.
  enum Subject {
    /// An authority for these hosts: names, and what is below them, and IPv4 addresses.
    case authority(hosts: [String])
    case host(String)
  }

  let serial: [UInt8]
  let issuer: String
  let subject: String
  let kind: Subject
  let from: WallTime
  let until: WallTime
  let key: P256.Signing.PublicKey
  let issuerKey: P256.Signing.PublicKey

  private static let algorithm = DER.sequence(DER.identifier(1, 2, 840, 10045, 4, 3, 2))

  func signed(by signer: P256.Signing.PrivateKey) throws -> [UInt8] {
    let content = DER.sequence(
      DER.numbered(0, DER.integer([2]), isWhole: true), DER.integer(serial), Self.algorithm, Self.name(issuer),
      DER.sequence(DER.time(from), DER.time(until)), Self.name(subject), Array(key.derRepresentation),
      DER.numbered(3, extensions, isWhole: true))
    let signature = try signer.signature(for: content)
    return DER.sequence(content, Self.algorithm, DER.bits(Array(signature.derRepresentation)))
  }

  private static func name(_ text: String) -> [UInt8] {
    DER.sequence(DER.set(DER.sequence(DER.identifier(2, 5, 4, 3), DER.utf8(text))))
  }

  /// By which it is found among others: a digest of the key (RFC 7093 §2).
  private static func mark(_ key: P256.Signing.PublicKey) -> [UInt8] {
    Array(SHA256.hash(data: key.x963Representation).prefix(20))
  }

  // MARK: Extensions

  private var extensions: [UInt8] {
    let marks = [
      Self.extension(14, DER.octets(Self.mark(key))),
      Self.extension(35, DER.sequence(DER.numbered(0, Self.mark(issuerKey), isWhole: false))),
    ].flatMap(\.self)
    switch kind {
    case .authority(let hosts):
      // No authority below it; it signs certificates and nothing else.
      return DER.sequence(
        Self.extension(19, DER.sequence(DER.truth, DER.integer([0])), isCritical: true),
        Self.extension(15, DER.bits([0x04], unused: 2), isCritical: true),
        Self.extension(30, Self.constraints(hosts), isCritical: true), marks)
    case .host(let host):
      return DER.sequence(
        Self.extension(19, DER.sequence(), isCritical: true),
        Self.extension(15, DER.bits([0x80], unused: 7), isCritical: true),
        Self.extension(37, DER.sequence(DER.identifier(1, 3, 6, 1, 5, 5, 7, 3, 1))),
        Self.extension(17, DER.sequence(Self.general(host))), marks)
    }
  }

  private static func `extension`(_ number: UInt64, _ value: [UInt8], isCritical: Bool = false) -> [UInt8] {
    DER.sequence(DER.identifier(2, 5, 29, number), isCritical ? DER.truth : [], DER.octets(value))
  }

  private static let (nameTag, addressTag): (UInt8, UInt8) = (2, 7)

  private static func general(_ host: String) -> [UInt8] {
    if let address = IPAddress(host) { return DER.numbered(addressTag, address.bytes, isWhole: false) }
    return DER.numbered(nameTag, Array(host.utf8), isWhole: false)
  }

  /// The names and addresses that it may sign for.
  ///
  /// Of a kind of which there are none, all are excluded: what is not mentioned would be free.
  private static func constraints(_ hosts: [String]) -> [UInt8] {
    let addresses = hosts.compactMap { IPAddress($0) }
    let names = hosts.filter { IPAddress($0) == nil }
    var permitted = names.map { DER.sequence(DER.numbered(nameTag, Array($0.utf8), isWhole: false)) }
    permitted += addresses.map { address in
      let mask = [UInt8](repeating: 0xFF, count: address.bytes.count)
      return DER.sequence(DER.numbered(addressTag, address.bytes + mask, isWhole: false))
    }
    var excluded: [[UInt8]] = []
    if names.isEmpty { excluded.append(DER.sequence(DER.numbered(nameTag, [], isWhole: false))) }
    if addresses.isEmpty {
      for size in [8, 32] {
        let all = [UInt8](repeating: 0, count: size)
        excluded.append(DER.sequence(DER.numbered(addressTag, all, isWhole: false)))
      }
    }
    let none = excluded.isEmpty ? [] : DER.numbered(1, excluded.flatMap(\.self), isWhole: true)
    return DER.sequence(DER.numbered(0, permitted.flatMap(\.self), isWhole: true), none)
  }
}
