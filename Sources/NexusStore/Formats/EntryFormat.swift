// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// How entries of the journal stand in the database.
///
/// ```
/// {"v":1,"type":"stepRecorded","path":"research[2].draft"}\n      the entry, on one line
/// {"title":"…"}                                                 the value it carries, if it carries one
/// ```
///
/// Values of agents have a line of their own, so that they may nest as deep as the parser lets any text nest. Decoding
/// is strict: an unknown version, type or member is an error, because a journal that is half understood is worse than
/// one that is refused. A released version is decoded forever.
package enum EntryFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  /// - Throws: `tooLarge` if the entry is longer than its limit or nests too deep to be read again.
  package static func encode(_ entry: RunEntry) throws(StoreError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(usualBytes)
    try encode(entry, to: &bytes)
    return bytes
  }

  /// Few entries are longer than this.
  static let usualBytes = 384

  /// Appends the encoded entry.
  ///
  /// - Throws: `tooLarge`, as `encode`.
  static func encode(_ entry: RunEntry, to bytes: inout [UInt8]) throws(StoreError) {
    let start = bytes.count
    let value: JSONValue?
    if CommonEntries.write(entry, to: &bytes) {
      value = CommonEntries.value(of: entry)
    } else {
      let (head, rest) = EntryEncoding.parts(of: entry)
      bytes.append(json: .object(head))
      value = rest
    }
    if let value {
      guard value.nests(within: JSONValue.maxDepth) else {
        throw StoreError(.tooLarge, "the value of an entry nests deeper than \(JSONValue.maxDepth) levels")
      }
      bytes.append(0x0A)
      bytes.append(json: value)
    }
    let count = bytes.count - start
    guard count <= StoreLimits.entryBytes else {
      throw StoreError(.tooLarge, "an entry has \(count) bytes; the limit is \(StoreLimits.entryBytes)")
    }
  }

  /// - Throws: `corrupt` if the bytes are no entry that this version knows.
  package static func decode(_ bytes: [UInt8]) throws(StoreError) -> RunEntry {
    let line = bytes.firstIndex(of: 0x0A)
    let head = try parse(Array(bytes[..<(line ?? bytes.endIndex)]))
    var value: JSONValue?
    if let line { value = try parse(Array(bytes[(line + 1)...])) }
    do throws(FormatError) {
      var members = try MemberReader(head)
      guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
      let entry = try EntryDecoding.entry(&members, value: value)
      try members.finish()
      return entry
    } catch {
      throw StoreError(.corrupt, "a journal entry cannot be read: \(error.message)")
    }
  }

  /// Encodes a value of an agent.
  ///
  /// - Throws: `tooLarge` if it is longer than its limit or nests too deep to be read again.
  package static func encode(value: JSONValue, what: @autoclosure () -> String) throws(StoreError) -> [UInt8] {
    guard value.nests(within: JSONValue.maxDepth) else {
      throw StoreError(.tooLarge, "\(what()) nests deeper than \(JSONValue.maxDepth) levels")
    }
    let bytes = value.encoded()
    guard bytes.count <= StoreLimits.entryBytes else {
      throw StoreError(.tooLarge, "\(what()) has \(bytes.count) bytes; the limit is \(StoreLimits.entryBytes)")
    }
    return bytes
  }

  /// Decodes what `encode(value:what:)` wrote.
  package static func decode(value bytes: [UInt8]) throws(StoreError) -> JSONValue { try parse(bytes) }

  private static func parse(_ bytes: [UInt8]) throws(StoreError) -> JSONValue {
    do throws(JSONError) { return try JSONValue(parsing: bytes) } catch {
      throw StoreError(.corrupt, "a stored value is not JSON: \(error)")
    }
  }
}
