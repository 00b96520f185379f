// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Checks what is kept beside a log: each payload is the one that its entry names, or an entry says that it was erased.
package struct PayloadCheck: Sendable {
  /// What an entry says of payloads.
  package enum Note: Sendable, Hashable {
    /// Its own is kept under this digest.
    case keeps(String)
    /// The one under this digest was erased.
    case erases(String)
  }

  private var missing: [String: Int64] = [:]
  private var edited: [Int64] = []

  package init() {}

  /// What an entry says; nil for most.
  package static func note(of entry: [UInt8]) -> Note? {
    guard let value = try? JSONValue(parsing: entry) else { return nil }
    if let digest = value["payload"]?.stringValue { return .keeps(digest) }
    guard value["event"]?.stringValue == AuditEvent.payloadErased.rawValue else { return nil }
    return value["subject"]?.stringValue.map(Note.erases)
  }

  /// The next entry that keeps a payload, in the order of the log, with what is there; nil for nothing.
  package mutating func take(_ sequence: Int64, keeps digest: String, _ payload: AuditPayload?) {
    guard edited.count < LogCheck.maxFaults else { return }
    guard let payload else {
      missing[digest] = sequence
      return
    }
    if AuditDigest.of(payload) != digest { edited.append(sequence) }
  }

  package mutating func erased(_ digest: String) { missing[digest] = nil }

  /// The entries whose payload is not there, although no entry says why.
  package var unexplained: [Int64] { missing.values.sorted() }

  /// - Parameter gone: entries that were themselves removed meanwhile.
  /// - Returns: what is wrong, in the order of the log.
  package func faults(except gone: Set<Int64> = []) -> [LogFault] {
    let lost = unexplained.filter { !gone.contains($0) }
    let found = edited.map(LogFault.payloadEdited) + lost.map(LogFault.payloadMissing)
    return Array(found.sorted { ($0.sequence ?? 0) < ($1.sequence ?? 0) }.prefix(LogCheck.maxFaults))
  }
}
