// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The rules about actions of a project, compiled: what is not permitted does not happen, and `forbid` beats `permit`.
///
/// An expression that has no value forbids, and so does a tool that nobody declared.
package struct ActionPolicy: ActionJudge {
  package let policyHash: String
  package let asksForBudget: Bool
  private let spec: GovernanceSpec
  private let boundaries: [CompiledBoundary]
  private let schemas: [String: Schema]
  /// `tools`, the same in every judgement.
  private let tools: RuleValue
  private let limits = RuleLimits()

  package var onForbidden: GovernanceSpec.OnForbidden { spec.onForbidden }

  package var onStaleContext: GovernanceSpec.OnForbidden { spec.onStaleContext }

  package var stopWhen: Set<StopCondition> { spec.stopWhen }

  /// How many reasons are told of arguments that do not fit.
  private static let maxReasons = 3

  /// Compiles the rules.
  ///
  /// - Parameters:
  ///   - spec: as the configuration has it.
  ///   - hash: SHA-256 of its canonical form.
  /// - Throws: what is wrong with the expressions, by boundary.
  package init(_ spec: GovernanceSpec, hash: String) throws(BoundaryProblems) {
    var problems: [BoundaryProblem] = []
    self.spec = spec
    policyHash = hash
    asksForBudget = spec.boundaries.contains { boundary in
      [boundary.match, boundary.permit, boundary.forbid, boundary.requireApproval]
        .contains { $0?.contains("budget") == true }
    }
    // One that cannot be used is a problem of the schema, which the configuration reports; here nothing fits it.
    schemas = spec.tools.compactMapValues { tool in tool.schema.flatMap { try? Schema($0) } }
    boundaries = spec.boundaries.enumerated().compactMap { index, boundary in
      CompiledBoundary(boundary, at: index, spec, problems: &problems)
    }
    tools = .map(
      RuleMap(
        distinct: spec.tools.sorted { $0.key < $1.key }.map {
          RuleMap.Entry(key: .string($0.key), value: ActionTypes.value(of: $0.value))
        }))
    guard problems.isEmpty else { throw BoundaryProblems(all: problems) }
  }

  package func knows(_ tool: String) -> Bool { spec.tools[tool] != nil }

  package func effect(of tool: String) -> EffectClass? { spec.tools[tool]?.effect }

  package func judge(_ action: ProposedAction) -> ActionVerdict {
    guard let tool = spec.tools[action.tool] else {
      return ActionVerdict(
        .forbidden(code: "NX-GAT-090"),
        reason: "no tool `\(SchemaIssue.cut(action.tool))` is declared under `governance`",
        effect: .irreversible)
    }
    if tool.schema != nil, let complaint = complaint(about: action.arguments, of: action.tool) {
      return ActionVerdict(.invalidArguments, reason: complaint, effect: tool.effect)
    }
    var run = BoundaryRun(action: action, spec: spec, tools: tools, limits: limits)
    var permits = spec.permitsByDefault
    var permitting: String?
    var asking: CompiledBoundary?
    for boundary in boundaries {
      switch run.opinion(of: boundary) {
      case .forbids(let code, let reason):
        return ActionVerdict(.forbidden(code: code), boundary: boundary.spec.id, reason: reason, effect: tool.effect)
      case .says(let permit, let asks):
        if permit {
          permits = true
          permitting = permitting ?? boundary.spec.id
        }
        if asks { asking = asking ?? boundary }
      }
    }
    guard permits else {
      return ActionVerdict(
        .forbidden(code: "NX-GAT-091"), reason: "no boundary permits `\(action.tool)` with these arguments",
        effect: tool.effect)
    }
    if let asking, let policy = asking.spec.approval {
      return ActionVerdict(
        .needsApproval(policy: policy), boundary: asking.spec.id,
        reason: asking.spec.message ?? "the boundary `\(asking.spec.id)` requires an approval", effect: tool.effect)
    }
    return ActionVerdict(.permitted, boundary: permitting, effect: tool.effect)
  }

  private func complaint(about arguments: JSONValue, of tool: String) -> String? {
    guard let schema = schemas[tool] else { return "the schema of its arguments cannot be used" }
    let outcome = schema.validate(arguments)
    guard !outcome.isValid else { return nil }
    return outcome.issues.prefix(Self.maxReasons).map { issue in
      let place = issue.instancePath.pointer
      return place.isEmpty ? issue.message : "\(place): \(issue.message)"
    }.joined(separator: "; ")
  }
}

/// What is wrong with an expression of a boundary.
package struct BoundaryProblem: Sendable, Hashable {
  package enum Part: String, Sendable, CaseIterable { case match, permit, forbid, requireApproval }

  /// From 0, as they stand in the file.
  package let boundary: Int
  package let part: Part
  package let diagnostic: RuleDiagnostic
}

package struct BoundaryProblems: Error, Sendable, Hashable {
  package let all: [BoundaryProblem]
}
