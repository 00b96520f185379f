// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a check of the audit log came to.
package struct AuditCheckReport: Sendable, Hashable {
  /// Something that is wrong.
  package struct Fault: Sendable, Hashable {
    /// One word: `edited`, `missing`, `tail-cut`.
    package var kind: String
    /// The first entry concerned; nil where it is the whole log.
    package var entry: Int64?
    package var message: String

    package init(kind: String, entry: Int64?, message: String) {
      self.kind = kind
      self.entry = entry
      self.message = message
    }
  }

  package var origin: String
  /// How many entries the log has had.
  package var size: Int64
  /// The first one that is still there.
  package var first: Int64
  package var root: String
  package var checkpoints: Int
  /// The anchors that were compared with it.
  package var anchors: [String]
  /// What the signatures were checked with.
  package var key: String
  /// Whether the key was there by which the end of the log is sealed.
  package var checkedSeal: Bool
  package var faults: [Fault]

  package init(
    origin: String, size: Int64, first: Int64, root: String, checkpoints: Int, anchors: [String], key: String,
    checkedSeal: Bool, faults: [Fault]
  ) {
    self.origin = origin
    self.size = size
    self.first = first
    self.root = root
    self.checkpoints = checkpoints
    self.anchors = anchors
    self.key = key
    self.checkedSeal = checkedSeal
    self.faults = faults
  }

  package var isIntact: Bool { faults.isEmpty }
}

extension AuditCheckReport: WireValue {
  package var json: JSONValue {
    [
      "intact": .bool(isIntact), "origin": .string(origin), "size": .int(size), "first": .int(first),
      "root": .string(root), "checkpoints": .int(Int64(checkpoints)), "anchors": .of(anchors), "key": .string(key),
      "checkedSeal": .bool(checkedSeal), "faults": .of(faults),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "check")
    self.init(
      origin: try reader.text("origin"), size: try reader.integer("size"), first: try reader.integer("first"),
      root: try reader.text("root"), checkpoints: try reader.count("checkpoints"), anchors: try reader.texts("anchors"),
      key: try reader.text("key"), checkedSeal: try reader.flag("checkedSeal"), faults: try reader.list("faults"))
  }
}

extension AuditCheckReport.Fault: WireValue {
  package var json: JSONValue { ["kind": .string(kind), "entry": .of(entry), "message": .string(message)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "fault")
    self.init(
      kind: try reader.text("kind"), entry: try reader.optionalInteger("entry"), message: try reader.text("message"))
  }
}

/// A wish to have payloads erased.
package struct EraseAudit: Sendable, Hashable {
  /// The digest of one payload.
  package var payload: String?
  /// All payloads of the entries of this run.
  package var run: RunID?

  package init(payload: String? = nil, run: RunID? = nil) {
    self.payload = payload
    self.run = run
  }
}

extension EraseAudit: WireValue {
  package var json: JSONValue { ["payload": .of(payload), "run": .of(run)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "erase")
    self.init(payload: try reader.optionalText("payload"), run: try reader.optionalText("run").map { RunID($0) })
    guard (payload == nil) != (run == nil) else {
      throw WireError(path: "erase", message: "it has to name either a payload or a run")
    }
  }
}

/// What was erased.
package struct EraseAuditReport: Sendable, Hashable {
  package var payloads: [String]
  package init(payloads: [String]) { self.payloads = payloads }
}

extension EraseAuditReport: WireValue {
  package var json: JSONValue { ["payloads": .of(payloads)] }

  package init(json: JSONValue) throws(WireError) { payloads = try WireReader(json, "erased").texts("payloads") }
}
