// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Addresses of the Internet as text.
enum IPAddress {
  /// RFC 2673 §3.2: four decimal numbers without leading zeros.
  static func isVersion4(_ text: ArraySlice<UInt8>) -> Bool {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        guard (1...3).contains(part.count), part.allSatisfy(\.isDigit) else { return false }
        if part.count > 1, part.first == UInt8(ascii: "0") { return false }
        return part.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 255
      }
  }

  /// RFC 4291 §2.2: eight groups, one run of which may be left out; the last two may be written as version 4.
  static func isVersion6(_ text: ArraySlice<UInt8>) -> Bool {
    let colon = UInt8(ascii: ":")
    guard text.count <= 45 else { return false }
    var parts = text.split(separator: colon, omittingEmptySubsequences: false)
    guard parts.count >= 3 else { return false }
    var groups = 0
    if let last = parts.last, last.contains(UInt8(ascii: ".")) {
      guard isVersion4(last) else { return false }
      groups = 2
      parts.removeLast()
      // What is left is a group in front of the address, or the end of `::`.
      if parts.count == 1, parts[0].isEmpty { return false }
      if parts.last?.isEmpty == true { parts.append([]) }
    }
    var gaps = 0
    for (place, part) in parts.enumerated() {
      if part.isEmpty {
        let isEdge = place == 0 || place == parts.count - 1
        // At an edge an empty part is half of `::`, whose other half stands beside it.
        if isEdge {
          let beside = place == 0 ? 1 : place - 1
          guard parts[beside].isEmpty else { return false }
        } else {
          gaps += 1
        }
      } else {
        guard part.count <= 4, part.allSatisfy(\.isHexDigit) else { return false }
        groups += 1
      }
    }
    return gaps == 0 ? groups == 8 : gaps == 1 && groups <= 7
  }
}
