// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One version of what is kept under a key of the project's state.
package struct StateVersionReport: Sendable, Hashable {
  package var number: Int64
  /// Nil: there is none, or it is not kept any more.
  package var value: JSONValue?
  package var digest: String?
  package var at: WallTime
  package var validUntil: WallTime?
  package var agent: String
  package var run: RunID?
  package var step: String
  package var isQuarantined: Bool
  /// The version that it brings back after one that was quarantined; 0: the time before there was one.
  package var restores: Int64?
  /// Who has read it: `run/step`.
  package var readers: [String]
  package var moreReaders: Int

  package init(number: Int64, at: WallTime, agent: String, step: String) {
    self.number = number
    self.at = at
    self.agent = agent
    self.step = step
    isQuarantined = false
    readers = []
    moreReaders = 0
  }
}

extension StateVersionReport: WireValue {
  package var json: JSONValue {
    [
      "version": .int(number), "value": value ?? .null, "digest": .of(digest), "at": .of(at),
      "validUntil": .of(validUntil), "agent": .string(agent), "run": .of(run?.text), "step": .string(step),
      "quarantined": .bool(isQuarantined), "restores": restores.map { .int($0) } ?? .null,
      "readers": .array(readers.map { .string($0) }), "moreReaders": .int(Int64(moreReaders)),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "version")
    self.init(
      number: try reader.integer("version"), at: try reader.time("at"), agent: try reader.text("agent"),
      step: try reader.text("step"))
    value = reader.value("value")
    digest = try reader.optionalText("digest")
    validUntil = try reader.optionalTime("validUntil")
    run = try reader.optionalText("run").map { RunID($0) }
    isQuarantined = try reader.flag("quarantined", default: false)
    restores = try reader.optionalInteger("restores")
    readers = (reader.value("readers")?.arrayValue ?? []).compactMap(\.stringValue)
    moreReaders = try reader.count("moreReaders")
  }
}

/// What is kept under a key: its versions, the newest first.
package struct StateReport: Sendable, Hashable {
  package var key: String
  package var versions: [StateVersionReport]
  package init(key: String, versions: [StateVersionReport]) {
    self.key = key
    self.versions = versions
  }
}

extension StateReport: WireValue {
  package var json: JSONValue { ["key": .string(key), "versions": .of(versions)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "state")
    key = try reader.text("key")
    versions = try reader.list("versions")
  }
}

/// Keys of the project's state, each with its newest version alone.
package struct StateList: Sendable, Hashable {
  /// The most keys of one page.
  package static let maxLimit = 500

  package var keys: [StateReport]
  /// The key behind which the next page begins.
  package var next: String?
  package init(keys: [StateReport], next: String? = nil) {
    self.keys = keys
    self.next = next
  }
}

extension StateList: WireValue {
  package var json: JSONValue { ["keys": .of(keys), "next": .of(next)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "states")
    keys = try reader.list("keys")
    next = try reader.optionalText("next")
  }
}
