// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Writes messages of protocol buffers, field after field; the caller knows the schema.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Wire types: 0 a variable number, 1 eight bytes, 2 bytes with their length before them.
  private mutating func tag(_ field: UInt64, _ wireType: UInt64) { varint(field << 3 | wireType) }

  mutating func number(_ field: UInt64, _ value: Int64) {
    tag(field, 0)
    varint(UInt64(bitPattern: value))
  }

  private mutating func eight(_ value: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func fixed(_ field: UInt64, _ value: UInt64) {
    tag(field, 1)
    eight(value)
  }

  mutating func double(_ field: UInt64, _ value: Double) { fixed(field, value.bitPattern) }

  mutating func data(_ field: UInt64, _ value: [UInt8]) {
    tag(field, 2)
    varint(UInt64(value.count))
    bytes += value
  }

  mutating func text(_ field: UInt64, _ value: String) { data(field, Array(value.utf8)) }

  /// Eight bytes each, behind one tag.
  mutating func packed(_ field: UInt64, _ values: [UInt64]) {
    var content = ProtobufWriter()
    for value in values { content.eight(value) }
    data(field, content.bytes)
  }

  mutating func message(_ field: UInt64, _ write: (inout ProtobufWriter) -> Void) {
    var content = ProtobufWriter()
    write(&content)
    data(field, content.bytes)
  }
}
