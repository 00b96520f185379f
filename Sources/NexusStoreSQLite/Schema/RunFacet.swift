// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel
internal import NexusStore

/// What lists choose runs by; the runs of one facet are one range of an index.
struct RunFacet: Hashable {
  /// From this many facets on, codes of errors are no longer told apart by them.
  static let limit: Int64 = 4096
  /// The code of all errors that have no facet of their own.
  static let otherCode = "*"

  let name: String
  let kind: RunKind
  let isTop: Bool
  var status: RunStatus
  var reason: PauseReason?
  /// Nil without an error.
  var code: String?

  init(name: String, kind: RunKind, isTop: Bool, status: RunStatus, reason: PauseReason?, code: String?) {
    self.name = name
    self.kind = kind
    self.isTop = isTop
    self.status = status
    self.reason = reason
    self.code = code.map(Self.indexed)
  }

  init(of record: RunRecord) {
    self.init(
      name: record.name, kind: record.kind, isTop: record.parent == nil, status: record.summary.status,
      reason: record.summary.pauseReason, code: record.summary.error?.code)
  }

  /// Whether it stays the facet when the row is renewed.
  func stands(as summary: RunSummary) -> Bool {
    guard status == summary.status, reason == summary.pauseReason else { return false }
    guard let error = summary.error else { return code == nil }
    return code == Self.indexed(error.code)
  }

  /// The facet after the row was renewed.
  func with(_ summary: RunSummary) -> RunFacet {
    var facet = self
    facet.status = summary.status
    facet.reason = summary.pauseReason
    facet.code = summary.error.map { Self.indexed($0.code) }
    return facet
  }

  /// The run may be removed: it is final, or a part of it is gone already.
  ///
  /// One that is halted for a doubt waits for a person.
  var isOver: Bool { status.isFinal || (status == .halted && code == RunError.pruned.code) }

  /// Codes of ours are few; whatever else stands there, an agent may have made up.
  static func indexed(_ code: String) -> String {
    let bytes = Array(code.utf8)
    let isOurs = bytes.count == 10 && code.hasPrefix("NX-") && bytes[6] == UInt8(ascii: "-")
    return isOurs ? code : otherCode
  }

  var columns: [SQLiteValue] {
    [
      .text(name), .text(kind.rawValue), .bool(isTop), .text(status.rawValue), .text(reason?.rawValue ?? ""),
      .text(code ?? ""),
    ]
  }
}
