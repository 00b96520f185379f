// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One reason why an output may not proceed as it is.
package struct GateError: Sendable, Equatable {
  /// Which stage of a validator found it.
  package enum Stage: String, Sendable, CaseIterable { case parse, schema, rules, confidence }

  package var stage: Stage
  /// A JSON Pointer (RFC 6901) into the output; empty for the whole.
  package var path: String
  /// What is wrong, by a word that stays the same from version to version.
  package var code: String
  /// The keyword of a schema, or the id of a rule; empty for what is not JSON.
  package var keyword: String
  /// What is asked for, at most `SchemaIssue.maxQuote` bytes; empty where nothing can be said.
  package var expected: String
  /// What stands there, as JSON, at most `SchemaIssue.maxQuote` bytes; text of an agent, never to be trusted.
  package var got: String
  /// A sentence without a full stop.
  package var message: String
  /// What this one error alone would mean.
  package var verdict: Verdict

  package var json: JSONValue {
    var object: JSONObject = [
      "path": .string(path), "code": .string(code), "keyword": .string(keyword), "message": .string(message),
      "verdict": .string(verdict.rawValue),
    ]
    if !expected.isEmpty { object["expected"] = .string(expected) }
    if !got.isEmpty { object["got"] = .string(got) }
    return .object(object)
  }
}

/// What a validator makes of one output: the same output under the same validator gives the same judgement, always.
package struct Judgement: Sendable, Equatable {
  /// The most severe of what was found.
  package var verdict: Verdict
  /// In JSON Pointer order, then in the order of declaration.
  package var errors: [GateError]
  /// Whether there were more than are told.
  package var isCutOff: Bool
  /// Units of the rule language's cost that were spent.
  package var cost: Int

  /// Errors that are told of one output.
  package static let maxErrors = 20
  /// Bytes of all errors together, as JSON.
  package static let maxBytes = 4 << 10

  package static let passed = Judgement(verdict: .pass, errors: [], isCutOff: false, cost: 0)

  package init(verdict: Verdict, errors: [GateError], isCutOff: Bool, cost: Int) {
    self.verdict = verdict
    self.errors = errors
    self.isCutOff = isCutOff
    self.cost = cost
  }

  /// Judges by errors alone; keeps as many of them as the limits allow, and at least the first.
  init(errors: [GateError], isCutOff: Bool = false, cost: Int = 0) {
    verdict = errors.map(\.verdict).max() ?? .pass
    var room = Self.maxBytes
    self.errors = []
    for error in errors.prefix(Self.maxErrors) {
      room -= error.json.text().utf8.count
      guard room >= 0 || self.errors.isEmpty else { break }
      self.errors.append(error)
    }
    self.isCutOff = isCutOff || self.errors.count < errors.count
    self.cost = cost
  }

  package var json: JSONValue {
    var object: JSONObject = ["verdict": .string(verdict.rawValue), "errors": .array(errors.map(\.json))]
    if isCutOff { object["more"] = true }
    return .object(object)
  }
}
