// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Replaces known secret values wherever they turn up in text: as they are, as JSON writes them, or percent-encoded.
package struct Redaction: Sendable {
  /// Values below this length are not secrets but words; replacing them would spoil text and protect nothing.
  package static let shortestSecret = 6
  package static let replacement = "[redacted]"

  /// Longest first, so that a secret that holds another leaves nothing of itself behind.
  private let patterns: [[UInt8]]
  private let starts: Set<UInt8>
  /// The length of the longest pattern: so much more of a line is looked at than is kept.
  package let reach: Int

  package init(secrets: some Sequence<String>) {
    var patterns: Set<[UInt8]> = []
    for secret in secrets {
      // Logs are cut into lines; each line of a secret such as a private key is one by itself.
      for line in secret.split(whereSeparator: \.isNewline) where line.utf8.count >= Self.shortestSecret {
        patterns.insert(Array(line.utf8))
        patterns.insert(Self.jsonEscaped(line.utf8, slashes: false))
        patterns.insert(Self.jsonEscaped(line.utf8, slashes: true))
        patterns.insert(Self.percentEncoded(line.utf8))
      }
    }
    self.patterns = patterns.sorted { $0.count > $1.count }
    starts = Set(self.patterns.map { $0[0] })
    reach = self.patterns.first?.count ?? 0
  }

  /// No secrets are known.
  package static let none = Redaction(secrets: [])

  package func apply(to text: String) -> String {
    guard !patterns.isEmpty else { return text }
    let bytes = Array(text.utf8)
    guard let redacted = apply(to: bytes) else { return text }
    return String(decoding: redacted, as: UTF8.self)
  }

  /// Nil where there was nothing to replace.
  private func apply(to bytes: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    var kept = 0
    var index = 0
    while index < bytes.count {
      if starts.contains(bytes[index]), let length = match(bytes, at: index) {
        result += bytes[kept..<index]
        result += Self.replacement.utf8
        index += length
        kept = index
      } else {
        index += 1
      }
    }
    if kept == 0 { return nil }
    result += bytes[kept...]
    return result
  }

  private func match(_ bytes: [UInt8], at index: Int) -> Int? {
    patterns.first { $0.count <= bytes.count - index && bytes[index..<index + $0.count].elementsEqual($0) }?.count
  }

  private static func jsonEscaped(_ text: Substring.UTF8View, slashes: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in text {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || (slashes && byte == UInt8(ascii: "/")) {
        bytes.append(UInt8(ascii: "\\"))
      }
      if byte == UInt8(ascii: "\t") { bytes += "\\t".utf8 } else { bytes.append(byte) }
    }
    return bytes
  }

  private static func percentEncoded(_ text: Substring.UTF8View) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in text {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        bytes += "%\(hex.count == 1 ? "0" : "")\(hex)".utf8
      }
    }
    return bytes
  }
}
