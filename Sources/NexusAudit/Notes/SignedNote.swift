// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A text with signatures, as C2SP signed-note writes it.
///
/// ```
/// naos/research/6f2c…          the text: here a checkpoint
/// 1024
/// q1fT…=
///                              an empty line
/// — naos/research/6f2c… Ab3d…  name, and base 64 of the key's hash and the signature
/// ```
package struct SignedNote: Sendable, Hashable {
  /// A longer one is not looked at.
  package static let maxBytes = 64 << 10

  package let text: String
  /// The lines behind the empty one.
  let signatures: [String]

  /// Signs a text; nil if the system's cryptography fails.
  package init?(_ text: String, by key: SignerKey) {
    guard text.hasSuffix("\n"), let signature = key.sign(text) else { return nil }
    self.text = text
    signatures = ["— \(key.name) \(StandardBase64.encode(key.verifier.identifier + signature))"]
  }

  /// Reads a note; nil for a text that is none.
  package init?(parsing whole: String) {
    guard whole.utf8.count <= Self.maxBytes, whole.hasSuffix("\n") else { return nil }
    let lines = whole.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    guard let empty = lines.lastIndex(of: ""), empty > 0, empty + 1 < lines.count else { return nil }
    text = lines[..<empty].joined(separator: "\n") + "\n"
    signatures = lines[(empty + 1)...].map(String.init)
    guard signatures.allSatisfy({ $0.hasPrefix("— ") }) else { return nil }
  }

  package var description: String { text + "\n" + signatures.joined(separator: "\n") + "\n" }

  /// Whether one of the signatures is by this key and right.
  package func isSigned(by key: VerifierKey) -> Bool {
    signatures.contains { line in
      let parts = line.dropFirst(2).split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == key.name, let data = StandardBase64.decode(parts[1]), data.count == 68,
        Array(data.prefix(4)) == key.identifier
      else { return false }
      return key.accepts(Array(data.dropFirst(4)), of: text)
    }
  }
}
