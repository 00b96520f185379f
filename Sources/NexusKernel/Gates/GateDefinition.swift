// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A validator, checked: what a run of whatever it guards is pinned to.
///
/// What it asks of a value is a program that nothing here looks into; what follows from its verdicts is decided here.
package struct GateDefinition: Sendable, Hashable {
  /// Validators that one step may have.
  package static let maxPerStep = 8

  package var name: String
  /// Schema and rules, in the form that whoever judges reads.
  package var program: JSONValue
  /// What its rules read beside the value: `input`, `steps`, `run`.
  package var variables: Set<GateVariable>
  package var retry: GateRetry
  /// What follows when the retries are used up: `escalate` or `stop`.
  package var onExhausted: Verdict
  /// Its verdicts are written down and change nothing.
  package var observes: Bool
  /// Whether what the step has read has to hold still; nil: that is not asked.
  package var freshness: FreshnessCheck?

  package init(name: String, program: JSONValue) {
    self.name = name
    self.program = program
    variables = []
    retry = GateRetry()
    onExhausted = .stop
    observes = false
    freshness = nil
  }
}

/// What the rules of a validator may read beside the value itself and the time.
package enum GateVariable: String, Sendable, CaseIterable { case input, steps, run, context }

/// How often a rejected output is asked for anew.
package struct GateRetry: Sendable, Hashable {
  /// The most attempts that a validator may ask for.
  package static let maxAttempts = 100

  /// Outputs that are judged at most, the first one among them.
  package var maxAttempts: Int
  /// What follows from an output that is as wrong as the one before.
  package var noProgress: NoProgress
  /// No retry once the attempts of the step have cost as much; nil for no limit.
  package var maxCost: NanoUSD?
  /// The wait before each retry.
  package var backoff: Duration
  /// The agent is told what was wrong.
  package var hasFeedback: Bool

  package init(
    maxAttempts: Int = 3, noProgress: NoProgress = .stop, maxCost: NanoUSD? = nil, backoff: Duration = .zero,
    hasFeedback: Bool = true
  ) {
    self.maxAttempts = maxAttempts
    self.noProgress = noProgress
    self.maxCost = maxCost
    self.backoff = backoff
    self.hasFeedback = hasFeedback
  }
}

/// What follows from a retry that made nothing better.
package enum NoProgress: String, Sendable, CaseIterable {
  case stop, escalate
  /// It is tried on until the attempts are used up.
  case ignore
}

// MARK: Pinned

extension GateDefinition {
  package var pinned: JSONValue {
    var object: JSONObject = [
      "name": .string(name), "program": program,
      "variables": .array(variables.map(\.rawValue).sorted().map { .string($0) }),
      "maxAttempts": .int(Int64(retry.maxAttempts)), "noProgress": .string(retry.noProgress.rawValue),
      "backoff": .int(retry.backoff.wholeNanoseconds), "feedback": .bool(retry.hasFeedback),
      "onExhausted": .string(onExhausted.rawValue), "observes": .bool(observes),
    ]
    object["maxCost"] = retry.maxCost.map { .int($0.value) }
    object["freshness"] = freshness?.pinned
    return .object(object)
  }

  init(pinned: JSONValue) throws(UnreadableForm) {
    var reader = try PinnedReader(pinned)
    self.init(name: try reader.text("name"), program: try reader.value("program"))
    variables = Set(
      try reader.list("variables") { (word) throws(UnreadableForm) in
        guard let variable = word.stringValue.flatMap(GateVariable.init(rawValue:)) else { throw UnreadableForm() }
        return variable
      })
    retry = GateRetry(
      maxAttempts: try reader.integer("maxAttempts", in: 1...GateRetry.maxAttempts),
      noProgress: try reader.word("noProgress"), backoff: try reader.duration("backoff"),
      hasFeedback: try reader.flag("feedback"))
    if case .int(let cost)? = reader.optional("maxCost") { retry.maxCost = NanoUSD(cost) }
    onExhausted = try reader.word("onExhausted")
    observes = try reader.flag("observes")
    if let form = reader.optional("freshness") { freshness = try FreshnessCheck(pinned: form) }
    try reader.finish()
    // Nothing that is rejected may pass by being rejected often.
    guard onExhausted == .escalate || onExhausted == .stop else { throw UnreadableForm() }
  }

  /// The validators of an agent in its pinned definition; nil if they are not of a form that this version reads.
  static func list(pinned: JSONValue?) -> [GateDefinition]? {
    guard let pinned else { return [] }
    guard let forms = pinned.arrayValue else { return nil }
    var gates: [GateDefinition] = []
    for form in forms {
      guard let gate = try? GateDefinition(pinned: form) else { return nil }
      gates.append(gate)
    }
    return gates
  }
}

extension PinnedReader {
  mutating func flag(_ name: String) throws(UnreadableForm) -> Bool {
    guard let flag = try value(name).boolValue else { throw UnreadableForm() }
    return flag
  }
}
