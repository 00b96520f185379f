// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The secrets that a node makes itself: a prefix that tells what each is for, and 256 random bits in base64url.
///
/// They are known by that form wherever they turn up.
package enum MintedSecret: String, Sendable, CaseIterable {
  /// Opens the agent plane to one attempt.
  case virtualKey = "nk_"
  /// Opens the operator plane to the node's user.
  case operatorToken = "naos_"

  /// The characters behind the prefix.
  private static let characters = 43

  var prefix: [UInt8] { Array(rawValue.utf8) }

  /// The length of the longest.
  static let longest = characters + (allCases.map(\.prefix.count).max() ?? 0)

  private static let prefixes = allCases.map(\.prefix)

  /// The length of the secret that begins at a place; nil if none does.
  static func length(_ bytes: Span<UInt8>, at start: Int) -> Int? {
    for prefix in prefixes {
      let end = start + prefix.count + characters
      guard end <= bytes.count, prefix.indices.allSatisfy({ bytes[start + $0] == prefix[$0] }) else { continue }
      var index = start + prefix.count
      while index < end, isBase64URL(bytes[index]) { index += 1 }
      if index == end { return end - start }
    }
    return nil
  }

  private static func isBase64URL(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }
}
