// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The form of an entry of the audit log: one JSON object in the canonical form of RFC 8785, on one line.
///
/// Members that say nothing are left out. `at` is civil time, `mono` microseconds of the machine's steady clock. `v` is the version of the form; a newer one only adds members.
package enum AuditEntry {
  package static let version: Int64 = 1
  /// A longer text is cut off: what must not be lost belongs in the payload.
  package static let maxTextBytes = 512
  /// The longest entry; details that make it longer are left out, and a member says so.
  package static let maxBytes = 16 << 10

  /// Where an entry stands, given by the log.
  package struct Place: Sendable, Hashable {
    /// From 0, without a gap.
    package var sequence: Int64
    /// Which log it is: one more each time that a broken one was left behind.
    package var epoch: Int64
    /// The digest under which the payload is kept.
    package var payload: String?

    package init(sequence: Int64, epoch: Int64, payload: String? = nil) {
      self.sequence = sequence
      self.epoch = epoch
      self.payload = payload
    }
  }

  package static func encode(_ record: AuditRecord, at place: Place) -> [UInt8] {
    var members = head(of: record, at: place)
    if !record.details.isEmpty { members["details"] = .object(record.details) }
    let bytes = JSONValue.object(members).encoded(.canonical)
    guard bytes.count > maxBytes else { return bytes }
    members["details"] = ["omitted": .int(Int64(bytes.count))]
    members["contexts"] = nil
    return JSONValue.object(members).encoded(.canonical)
  }

  private static func head(of record: AuditRecord, at place: Place) -> JSONObject {
    var members: JSONObject = [
      "v": .int(version), "seq": .int(place.sequence), "epoch": .int(place.epoch),
      "event": .string(record.event.rawValue),
      "actor": [
        "id": .string(clip(record.actor.id)), "kind": .string(record.actor.kind.rawValue),
        "authn": .string(record.actor.authn.rawValue),
      ],
    ]
    if let at = record.at { members["at"] = .string(at.iso8601) }
    if let monotonic = record.monotonic { members["mono"] = .int(monotonic.nanoseconds / 1000) }
    let texts: [(String, String?)] = [
      ("run", record.run?.text), ("step", record.step?.text), ("agent", record.agent?.text),
      ("subject", record.subject), ("verdict", record.verdict), ("policy", record.policy), ("input", record.input),
      ("approval", record.approval), ("outcome", record.outcome), ("code", record.code), ("payload", place.payload),
    ]
    for (key, text) in texts { if let text { members[key] = .string(clip(text)) } }
    if let cost = record.cost { members["costNanoDollars"] = .int(cost.value) }
    if !record.contexts.isEmpty {
      var contexts = JSONObject()
      for (name, version) in record.contexts.sorted(by: { $0.key < $1.key }) {
        contexts[clip(name)] = .string(clip(version))
      }
      members["contexts"] = .object(contexts)
    }
    return members
  }

  private static func clip(_ text: String) -> String {
    guard text.utf8.count > maxTextBytes else { return text }
    var bytes = Array(text.utf8.prefix(maxTextBytes - 3))
    while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
    if let last = bytes.last, last >= 0x80 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self) + "…"
  }
}
