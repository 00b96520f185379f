// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Where the rule language finds time zones by name.
///
/// The caller decides: a file of the system, a table, or nothing. Given nothing, only `UTC` and offsets are known, and a
/// verdict does not depend on the machine.
package struct TimeZoneSource: Sendable {
  private let file: @Sendable (String) -> [UInt8]?

  /// - Parameter file: The bytes of the TZif file of an IANA name, for example of `Asia/Kathmandu`.
  package init(file: @escaping @Sendable (String) -> [UInt8]?) { self.file = file }

  /// Knows no names.
  package static let none = TimeZoneSource { _ in nil }

  /// Seconds east of UTC at a point in time, in `UTC`, an offset such as `-02:30` or `02:00`, or an IANA name.
  func offset(of zone: String, at timestamp: Timestamp) throws(RuleFault) -> Int64 {
    if zone.hasSameScalars(as: "UTC") || zone.utf8.isEmpty { return 0 }
    if let offset = Self.fixedOffset(zone) { return offset }
    guard Self.isName(zone), let bytes = file(zone) else {
      throw RuleFault.invalid("unknown time zone \(RuleFault.quote(zone))")
    }
    do throws(TimeZoneDataError) {
      return try TimeZoneRules(tzif: bytes).offset(at: timestamp.seconds)
    } catch {
      throw RuleFault.invalid("the data of time zone \(RuleFault.quote(zone)) cannot be read: \(error)")
    }
  }

  private static func fixedOffset(_ text: String) -> Int64? {
    let hasSign = text.utf8.first == UInt8(ascii: "+") || text.utf8.first == UInt8(ascii: "-")
    var reader = TimeTextReader(hasSign ? text : "+" + text)
    guard let offset = reader.offset(), reader.isAtEnd else { return nil }
    return offset
  }

  /// Letters, digits, `_`, `-`, `+` in parts between single slashes: nothing that leaves a folder.
  private static func isName(_ text: String) -> Bool {
    guard text.utf8.count <= 64, let first = text.utf8.first, first.startsIdentifier else { return false }
    var previous: UInt8 = 0
    for byte in text.utf8 {
      let isAllowed =
        byte.startsIdentifier || byte.isDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
        || (byte == UInt8(ascii: "/") && previous != UInt8(ascii: "/"))
      guard isAllowed else { return false }
      previous = byte
    }
    return previous != UInt8(ascii: "/")
  }
}
