// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Which actions of agents may happen: what stands under `governance:`, with every schema in place.
package struct GovernanceSpec: Sendable, Hashable {
  /// Whether what no boundary permits may happen.
  package var permitsByDefault = false
  package var onForbidden = OnForbidden.stop
  /// By name.
  package var tools: [String: ToolDeclaration]
  /// In the order of the file.
  package var boundaries: [BoundarySpec]
  /// The doubts that halt a run.
  package var stopWhen: Set<StopCondition> = []
  /// What follows if what a step has read does not hold any more when it is about to act.
  package var onStaleContext = OnForbidden.refuse

  /// What follows when the rules say no.
  package enum OnForbidden: String, Sendable, CaseIterable {
    /// The attempt is ended and the run is stopped: what was done is undone as configured.
    case stop
    /// The agent is told, and goes on.
    case refuse
  }

  package init(tools: [String: ToolDeclaration] = [:], boundaries: [BoundarySpec] = []) {
    self.tools = tools
    self.boundaries = boundaries
  }

  /// The form that is hashed and shown.
  package var canonical: JSONValue {
    var form: JSONObject = [
      "default": .string(permitsByDefault ? "permit" : "deny"), "onForbidden": .string(onForbidden.rawValue),
      "tools": .object(
        JSONObject(
          uniqueMembers: tools.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value.canonical) })),
      "boundaries": .array(boundaries.map(\.canonical)),
    ]
    // What is not there leaves the hash as it was before there were such doubts.
    if !stopWhen.isEmpty { form["stopWhen"] = .array(stopWhen.map(\.rawValue).sorted().map { .string($0) }) }
    if onStaleContext == .stop { form["onStaleContext"] = .string(onStaleContext.rawValue) }
    return .object(form)
  }
}

/// What is known of a tool.
package struct ToolDeclaration: Sendable, Hashable {
  package var effect = EffectClass.irreversible
  package var labels: [String] = []
  /// What goes in may leave the project.
  package var egress = true
  /// A JSON Schema of its arguments.
  package var schema: JSONValue?

  package init() {}

  package var canonical: JSONValue {
    [
      "effect": .string(effect.rawValue), "labels": .array(labels.map { .string($0) }), "egress": .bool(egress),
      "schema": schema ?? .null,
    ]
  }
}

/// One boundary: which actions it is about, and what it says of them, all as expressions.
package struct BoundarySpec: Sendable, Hashable {
  package var id: String
  /// Nil: it is about every action.
  package var match: String?
  package var permit: String?
  package var forbid: String?
  package var requireApproval: String?
  /// Whose approval.
  package var approval: String?
  package var message: String?

  package init(id: String) { self.id = id }

  package var canonical: JSONValue {
    func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    return [
      "id": .string(id), "match": text(match), "permit": text(permit), "forbid": text(forbid),
      "requireApproval": text(requireApproval), "approval": text(approval), "message": text(message),
    ]
  }
}
