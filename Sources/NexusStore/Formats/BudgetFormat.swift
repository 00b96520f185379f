// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// Why a person corrected what was charged, and which charge it is about.
package struct CorrectionNote: Sendable, Hashable {
  /// The charge that the correction is kept as.
  package var id: EffectID
  /// The charge of a call of unknown cost that it settles; nil where it is about no single call.
  package var resolves: EffectID?
  package var reason: String

  package init(id: EffectID, resolves: EffectID? = nil, reason: String) {
    self.id = id
    self.resolves = resolves
    self.reason = reason
  }
}

/// How what people change about budgets stands in the database: JSON objects, times in microseconds since 1970.
///
/// Decoding is strict: a limit that cannot be read must not be taken for none.
package enum BudgetFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  // MARK: Overrides

  /// The row of a place; nil clears what was set there, and the row stays.
  package static func row(_ override: BudgetOverride?, at place: BudgetPlace) -> ComponentRow {
    var object: JSONObject = ["v": .int(version), "scope": .string(place.scope.text)]
    object["window"] = .string(place.window.rawValue)
    object["isSet"] = .bool(override != nil)
    if let override {
      object["at"] = .int(override.at.microseconds)
      if let cost = override.maxCost { object["maxNanoUSD"] = .int(cost.value) }
      if let tokens = override.maxTokens { object["maxTokens"] = .int(tokens.value) }
      if let requests = override.maxRequests { object["maxRequests"] = .int(requests) }
      if let onLimit = override.onLimit { object["onLimit"] = .string(onLimit.rawValue) }
      if let reason = override.reason { object["reason"] = .string(reason) }
    }
    return ComponentRow(kind: .budget, name: place.text, state: JSONValue.object(object).encoded())
  }

  /// - Throws: `corrupt` if a row is none that this version knows.
  package static func overrides(_ rows: [ComponentRow]) throws(StoreError) -> BudgetOverrides {
    var overrides = BudgetOverrides()
    for row in rows {
      if let override = try decoded(row, { json throws(FormatError) in try override(json) }) {
        overrides[override.place] = override
      }
    }
    return overrides
  }

  private static func override(_ json: JSONValue) throws(FormatError) -> BudgetOverride? {
    var members = try MemberReader(json)
    guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
    guard let scope = BudgetScope(text: try members.string("scope")) else { throw FormatError("its scope is unknown") }
    let window: BudgetWindow = try members.choice("window")
    guard try members.bool("isSet") else {
      try members.finish()
      return nil
    }
    var override = BudgetOverride(
      place: BudgetPlace(scope, window), at: WallTime(microseconds: try members.integer("at")))
    override.maxCost = try members.optionalInteger("maxNanoUSD").map { NanoUSD($0) }
    override.maxTokens = try members.optionalInteger("maxTokens").map { TokenCount($0) }
    override.maxRequests = try members.optionalInteger("maxRequests")
    if let text = try members.optionalString("onLimit") {
      guard let onLimit = OnLimit(rawValue: text) else { throw FormatError("\"onLimit\" has an unknown value") }
      override.onLimit = onLimit
    }
    override.reason = try members.optionalString("reason")
    try members.finish()
    return override
  }

  // MARK: Corrections

  /// The rows of a correction: its reason, and for a call of unknown cost that it is settled.
  package static func rows(_ note: CorrectionNote) -> [ComponentRow] {
    var object: JSONObject = ["v": .int(version), "reason": .string(note.reason)]
    guard let call = note.resolves else {
      return [ComponentRow(kind: .correction, name: note.id.text, state: JSONValue.object(object).encoded())]
    }
    object["resolves"] = .string(call.text)
    let back: JSONValue = ["v": .int(version), "by": .string(note.id.text)]
    return [
      ComponentRow(kind: .correction, name: note.id.text, state: JSONValue.object(object).encoded()),
      ComponentRow(kind: .resolution, name: call.text, state: back.encoded()),
    ]
  }

  /// The notes by the charge that each belongs to.
  ///
  /// - Throws: `corrupt` if a row is none that this version knows.
  package static func notes(_ rows: [ComponentRow]) throws(StoreError) -> [EffectID: CorrectionNote] {
    var notes: [EffectID: CorrectionNote] = [:]
    for row in rows {
      let note = try decoded(row) { json throws(FormatError) in
        var members = try MemberReader(json)
        guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
        let note = CorrectionNote(
          id: EffectID(row.name), resolves: try members.optionalString("resolves").map { EffectID($0) },
          reason: try members.string("reason"))
        try members.finish()
        return note
      }
      notes[note.id] = note
    }
    return notes
  }

  private static func decoded<Value>(
    _ row: ComponentRow, _ read: (JSONValue) throws(FormatError) -> Value
  ) throws(StoreError) -> Value {
    let json: JSONValue
    do { json = try JSONValue(parsing: row.state) } catch { throw corrupt(row, "\(error)") }
    do throws(FormatError) { return try read(json) } catch { throw corrupt(row, error.message) }
  }

  private static func corrupt(_ row: ComponentRow, _ message: String) -> StoreError {
    StoreError(.corrupt, "what was set for \(row.name) cannot be read: \(message)")
  }
}
