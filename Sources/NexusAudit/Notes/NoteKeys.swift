// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import FoundationEssentials

/// A key that signatures are checked with, as C2SP signed-note writes it: `name+hash+base64`.
package struct VerifierKey: Sendable, Hashable, CustomStringConvertible {
  /// Ed25519, the first kind that the specification names.
  static let algorithm: UInt8 = 0x01

  package let name: String
  let bytes: [UInt8]

  init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  /// Reads the text of a key; nil for one that is none, or whose hash is not its own.
  package init?(_ text: String) {
    let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, SignerKey.isName(String(parts[0])), let data = StandardBase64.decode(parts[2]),
      data.count == 33, data[0] == Self.algorithm
    else { return nil }
    self.init(name: String(parts[0]), bytes: Array(data.dropFirst()))
    guard Hexadecimal.encode(identifier) == parts[1] else { return nil }
  }

  /// The four bytes by which a signature says whose it is.
  var identifier: [UInt8] {
    var hash = SHA256()
    hash.update(data: Array(name.utf8))
    hash.update(data: [0x0A, Self.algorithm] as [UInt8])
    hash.update(data: bytes)
    return Array(Array(hash.finalize()).prefix(4))
  }

  package var description: String {
    "\(name)+\(Hexadecimal.encode(identifier))+\(StandardBase64.encode([Self.algorithm] + bytes))"
  }

  func accepts(_ signature: [UInt8], of text: String) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
    return key.isValidSignature(signature, for: Array(text.utf8))
  }
}

/// The key that a log signs with; it is secret, and `description` never shows it.
package struct SignerKey: Sendable, CustomStringConvertible {
  package static let seedBytes = 32
  private static let prefix = "PRIVATE+KEY"

  package let name: String
  private let seed: [UInt8]
  package let verifier: VerifierKey

  /// Nil for a name that no key may have, or a seed of another length.
  package init?(name: String, seed: [UInt8]) {
    guard Self.isName(name), seed.count == Self.seedBytes,
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
    else { return nil }
    self.name = name
    self.seed = seed
    verifier = VerifierKey(name: name, bytes: Array(key.publicKey.rawRepresentation))
  }

  /// Reads the secret text of a key: `PRIVATE+KEY+name+hash+base64`.
  package init?(_ text: String) {
    guard text.hasPrefix(Self.prefix + "+") else { return nil }
    let parts = text.dropFirst(Self.prefix.count + 1).split(
      separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let data = StandardBase64.decode(parts[2]), data.first == VerifierKey.algorithm else {
      return nil
    }
    self.init(name: String(parts[0]), seed: Array(data.dropFirst()))
    guard Hexadecimal.encode(verifier.identifier) == parts[1] else { return nil }
  }

  /// The text that `init` reads: a secret.
  package var secretText: String {
    let data = StandardBase64.encode([VerifierKey.algorithm] + seed)
    return "\(Self.prefix)+\(name)+\(Hexadecimal.encode(verifier.identifier))+\(data)"
  }

  package var description: String { "the signing key of \(verifier)" }

  /// A key for other purposes than signing, that nobody can tell without the seed.
  var sealKey: SymmetricKey {
    SymmetricKey(
      data: HMAC<SHA256>.authenticationCode(
        for: Array("naos audit seal \(name)".utf8), using: SymmetricKey(data: seed)))
  }

  func sign(_ text: String) -> [UInt8]? {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
      let signature = try? key.signature(for: Array(text.utf8))
    else { return nil }
    return Array(signature)
  }

  /// Names have no space and no plus.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.unicodeScalars.allSatisfy { $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20 }
  }
}
