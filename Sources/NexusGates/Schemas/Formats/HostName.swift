// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Names of hosts by RFC 1123 §2.1, and of domains with characters beyond ASCII by IDNA2008 (RFC 5890 to 5893).
///
/// Whether a label is in Normalization Form C is not checked.
enum HostName {
  private static let maxLabelBytes = 63
  private static let maxNameBytes = 253
  /// What separates labels beside the dot (RFC 3490 §3.1).
  private static let separators: Set<UInt32> = [0x2E, 0x3002, 0xFF0E, 0xFF61]

  static func isValid(_ text: String, isInternational: Bool) -> Bool {
    let scalars = text.unicodeScalars.map(\.value)
    guard isInternational || scalars.allSatisfy({ $0 < 0x80 }) else { return false }
    // No name of so many characters has so few bytes.
    guard !scalars.isEmpty, scalars.count <= maxNameBytes else { return false }
    let labels = scalars.split(omittingEmptySubsequences: false) {
      isInternational ? separators.contains($0) : $0 == 0x2E
    }
    var unicode: [[UInt32]] = []
    var length = labels.count - 1
    for label in labels {
      guard let (decoded, bytes) = read(label, isInternational: isInternational) else { return false }
      unicode.append(decoded)
      length += bytes
    }
    guard length <= maxNameBytes else { return false }
    let isBidi = unicode.contains { $0.contains(where: DomainLabel.isRightToLeft) }
    return !isBidi || unicode.allSatisfy(DomainLabel.keepsBidiRule)
  }

  /// The label in Unicode and its length in ASCII; nil if it is none.
  private static func read(_ label: ArraySlice<UInt32>, isInternational: Bool) -> ([UInt32], Int)? {
    guard !label.isEmpty, label.first != 0x2D, label.last != 0x2D else { return nil }
    guard label.allSatisfy({ $0 < 0x80 }) else {
      let decoded = Array(label)
      let length = 4 + Punycode.encode(decoded).count
      guard length <= maxLabelBytes, DomainLabel.isUnicodeLabel(decoded) else { return nil }
      return (decoded, length)
    }
    let bytes = label.map { UInt8($0) }
    guard bytes.count <= maxLabelBytes,
      bytes.allSatisfy({ $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") })
    else { return nil }
    let hasHyphens = bytes.count >= 4 && bytes[2] == UInt8(ascii: "-") && bytes[3] == UInt8(ascii: "-")
    guard hasHyphens, bytes[0] | 0x20 == UInt8(ascii: "x"), bytes[1] | 0x20 == UInt8(ascii: "n") else {
      // Hyphens there are kept for encodings; an international name may hold only those that exist.
      return hasHyphens && isInternational ? nil : (Array(label), bytes.count)
    }
    let lowered = bytes.dropFirst(4).map { $0.isLetter ? $0 | 0x20 : $0 }
    guard let decoded = Punycode.decode(lowered[...]), decoded.contains(where: { $0 >= 0x80 }),
      Punycode.encode(decoded) == lowered, DomainLabel.isUnicodeLabel(decoded)
    else { return nil }
    return (decoded, bytes.count)
  }
}
