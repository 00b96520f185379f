// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// One transaction as it stands in the written log: a head of fixed length, then its mutations.
///
/// ```
/// 0  magic, 4 bytes      4  length of the mutations, 4 bytes     8  epoch, 8 bytes
/// 16 sequence, 8 bytes   24 checksum over all the rest, 8 bytes  32 the mutations
/// ```
///
/// Numbers are little-endian. A record whose checksum does not fit was never acknowledged, or was lost in part with the
/// power.
struct LogRecord {
  static let headBytes = 32
  /// "NLG1"; the last letter is the version of the mutations' form.
  static let magic: UInt32 = 0x3147_4C4E

  /// The whole record, its head still empty.
  private(set) var bytes: [UInt8]
  private let bodySum: UInt64

  /// - Parameter bytes: the mutations, behind room for the head.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    bodySum = Checksum.of(bytes, from: Self.headBytes)
  }

  /// Fills the head in.
  mutating func number(epoch: Int64, sequence: Int64) {
    let length = UInt32(bytes.count - Self.headBytes)
    put(UInt64(Self.magic) | UInt64(length) << 32, at: 0)
    put(UInt64(bitPattern: epoch), at: 8)
    put(UInt64(bitPattern: sequence), at: 16)
    put(Self.sum(bodySum, length: length, epoch: epoch, sequence: sequence), at: 24)
  }

  private mutating func put(_ number: UInt64, at place: Int) {
    for index in 0..<8 { bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
  }

  private static func sum(_ body: UInt64, length: UInt32, epoch: Int64, sequence: Int64) -> UInt64 {
    var sum = Checksum.mix(body, UInt64(magic) | UInt64(length) << 32)
    sum = Checksum.mix(sum, UInt64(bitPattern: epoch))
    return Checksum.mix(sum, UInt64(bitPattern: sequence))
  }

  /// The record that begins at `place`; nil if there is none that is whole.
  static func read(_ bytes: [UInt8], at place: Int, epoch: Int64) -> (sequence: Int64, body: Range<Int>)? {
    guard place + headBytes <= bytes.count else { return nil }
    func word(_ offset: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[place + offset + $1]) << UInt64(8 * $1) }
    }
    let start = word(0)
    let length = Int(start >> 32)
    guard UInt32(truncatingIfNeeded: start) == magic, length <= bytes.count - place - headBytes,
      word(8) == UInt64(bitPattern: epoch)
    else { return nil }
    let body = place + headBytes..<place + headBytes + length
    let sequence = Int64(bitPattern: word(16))
    let found = Checksum.of(Array(bytes[body]), from: 0)
    guard sum(found, length: UInt32(length), epoch: epoch, sequence: sequence) == word(24) else { return nil }
    return (sequence, body)
  }
}

/// Finds torn records; nobody forges them, for who writes to the log could write to the database.
enum Checksum {
  static func mix(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    let product = (sum ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low ^ (sum &+ 0xD6E8_FEB8_6659_FD93)
  }

  static func of(_ bytes: [UInt8], from start: Int) -> UInt64 {
    var sum = UInt64(bytes.count - start)
    let bytes = unsafe bytes.span.bytes
    var index = start
    while index + 8 <= bytes.byteCount {
      let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      sum = mix(sum, UInt64(littleEndian: word))
      index += 8
    }
    var last: UInt64 = 0
    while index < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      last = last << 8 | UInt64(byte)
      index += 1
    }
    return mix(sum, last)
  }
}
