// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension JSONScan {
  /// The bytes as text; bytes that are not UTF-8 become replacement characters.
  static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    String(decoding: array(bytes, range), as: UTF8.self)
  }

  static func array(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    let part = bytes.extracting(range)
    var copy: [UInt8] = []
    copy.reserveCapacity(part.count)
    for index in part.indices { copy.append(part[index]) }
    return copy
  }

  /// The JSON string in `range`, decoded; nil if there is another value.
  static func string(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
    value(bytes, range)?.stringValue
  }

  /// The value in `range`; nil if it is not JSON.
  static func value(_ bytes: Span<UInt8>, _ range: Range<Int>) -> JSONValue? {
    try? JSONValue(parsing: array(bytes, range))
  }

  static func integer(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    value(bytes, range)?.intValue
  }

  static func boolean(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool? {
    value(bytes, range)?.boolValue
  }
}
