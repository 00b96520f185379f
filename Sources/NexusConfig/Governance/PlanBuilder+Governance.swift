// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusGates
internal import NexusKernel

// Which actions may happen.
extension PlanBuilder {
  /// Boundaries of one project.
  static let maxBoundaries = 200

  mutating func buildGovernance() {
    guard let fields = single("governance")?.fields else { return }
    var spec = GovernanceSpec()
    spec.onStaleContext = fields.word("onStaleContext", as: GovernanceSpec.OnForbidden.self) ?? .refuse
    spec.stopWhen = Set(
      (fields.value("stopWhen")?.list ?? []).compactMap { $0.text.flatMap(StopCondition.init(rawValue:)) })
    spec.permitsByDefault = fields.text("default") == "permit"
    spec.onForbidden = fields.word("onForbidden", as: GovernanceSpec.OnForbidden.self) ?? .stop
    for entry in fields.value("tools")?.entries ?? [] {
      if let inner = entry.value.fields { spec.tools[entry.key] = tool(inner) }
    }
    let boundaries = fields.value("boundaries")?.list ?? []
    if boundaries.count > Self.maxBoundaries, let place = fields.value("boundaries")?.location {
      report(
        Diagnostic(
          "NX-GAT-098", "there are more than \(Self.maxBoundaries) boundaries", at: place,
          help: "put several conditions into one expression"))
    }
    var places: [Fields] = []
    var ids: [String: SourceLocation] = [:]
    for value in boundaries.prefix(Self.maxBoundaries) {
      guard let inner = value.fields, let id = inner.text("id") else { continue }
      let place = inner.value("id")?.location ?? value.location
      if let first = ids.updateValue(place, forKey: id) {
        report(
          Diagnostic(
            "NX-CFG-201", "there is already a boundary `\(id)`", at: place,
            notes: [.init("the first one is here", at: first)], help: "give it a name of its own"))
      }
      spec.boundaries.append(boundary(id, inner))
      places.append(inner)
    }
    compile(spec, places)
    noteUngoverned(spec)
    plan.governance = spec
  }

  private mutating func tool(_ fields: Fields) -> ToolDeclaration {
    var tool = ToolDeclaration()
    if let effect = fields.word("effect", as: EffectClass.self) { tool.effect = effect }
    tool.labels = (fields.value("labels")?.list ?? []).compactMap(\.text)
    tool.egress = fields.boolean("egress") ?? true
    tool.schema = schema("schema", fields)
    return tool
  }

  private mutating func boundary(_ id: String, _ fields: Fields) -> BoundarySpec {
    var boundary = BoundarySpec(id: id)
    boundary.match = fields.text("match")
    boundary.permit = fields.text("permit")
    boundary.forbid = fields.text("forbid")
    boundary.requireApproval = fields.text("requireApproval")
    boundary.message = fields.text("message")
    if boundary.permit == nil, boundary.forbid == nil, boundary.requireApproval == nil {
      report(
        Diagnostic(
          "NX-GAT-098", "the boundary `\(id)` says nothing", at: fields.location,
          help: "give it a `permit`, a `forbid` or a `requireApproval`"))
    }
    nameApproval(of: &boundary, fields)
    return boundary
  }

  private mutating func nameApproval(of boundary: inout BoundarySpec, _ fields: Fields) {
    // One that could not be made is there, and is reported already.
    let written = documents.flatMap { $0.value("approvals")?.entries?.map(\.key) ?? [] }
    let made = plan.approvals.map(\.name)
    let names = made + written.filter { !made.contains($0) }
    if let value = fields.value("approval"), let name = value.text {
      boundary.approval = name
      guard !names.contains(name) else { return }
      report(
        Diagnostic(
          "NX-GAT-098", "there is no approval `\(name)`", at: value.location, help: "write it under `approvals`",
          suggestion: Suggestion.nearest(to: name, among: names)))
    } else if boundary.requireApproval != nil, let place = fields.field("requireApproval")?.keyLocation {
      boundary.approval = names.first
      guard names.count != 1 else { return }
      report(
        Diagnostic(
          "NX-GAT-098", names.isEmpty ? "nobody is named who could approve it" : "it is open whose approval is meant",
          at: place,
          help: names.isEmpty
            ? "write who under `approvals`" : "name one with `approval`: \(names.joined(separator: ", "))"))
    }
  }

  private mutating func compile(_ spec: GovernanceSpec, _ places: [Fields]) {
    do throws(BoundaryProblems) { _ = try ActionPolicy(spec, hash: "") } catch {
      for problem in error.all {
        let boundary = spec.boundaries[problem.boundary]
        let place = places[problem.boundary].value(problem.part.rawValue)
        let at = place.flatMap { place in
          place.text.map { Self.place(of: problem.diagnostic, in: place.location, $0) }
        }
        report(
          Diagnostic(
            "NX-GAT-096", "`\(problem.part.rawValue)` of `\(boundary.id)`: \(problem.diagnostic.message)", at: at,
            help: problem.diagnostic.kind == .undeclared
              ? "there are args, tool, tools, history, run, budget and now" : nil))
      }
    }
  }

  /// The place inside a text that stands on one line, plain or simply quoted; else the whole text.
  private static func place(
    of diagnostic: RuleDiagnostic, in location: SourceLocation, _ text: String
  ) -> SourceLocation {
    let length = text.unicodeScalars.count
    guard location.length == length || location.length == length + 2 else { return location }
    var inner = location
    inner.column += diagnostic.offset + (location.length - length) / 2
    inner.length = 1
    return inner
  }

  /// Tools that an agent has and that nobody declared are never offered to its model.
  private mutating func noteUngoverned(_ spec: GovernanceSpec) {
    for agent in plan.agents {
      guard case .llm(let llm) = agent.kind, let place = agentFields[agent.name]?.value("tools")?.location else {
        continue
      }
      let missing = llm.tools.filter { spec.tools[$0] == nil }
      guard !missing.isEmpty else { continue }
      report(
        Diagnostic(
          "NX-GAT-097", .warning,
          "\(missing.map { "`\($0)`" }.joined(separator: ", ")) of `\(agent.name)` "
            + "\(missing.count == 1 ? "is" : "are") not declared, and never offered", at: place,
          help: "declare what may be called under `governance.tools`"))
    }
  }
}
