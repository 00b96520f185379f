// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  private static let fanOutKeys = ["quorum", "equality", "retry", "stepTimeout", "timeout", "maxParallel"]
  private static let queueKeys = ["size", "minSize", "maxSize", "autoScale", "maxQueue", "capacity"]

  mutating func buildPool(_ item: Named) {
    let fields = item.fields
    if let many = fields.field("agents"), let one = fields.field("agent") {
      report(
        Diagnostic(
          "NX-CFG-115", "`agents` makes a fan-out, and `agent` a queue", at: max(many.keyLocation, one.keyLocation),
          notes: [.init("the other one is here", at: min(many.keyLocation, one.keyLocation))],
          help: "keep one of the two"))
    }
    if fields.has("agents") {
      for key in Self.queueKeys { reportMisfit(key, fields, "belongs to a queue, and this is a fan-out") }
      buildFanOut(item)
    } else if fields.has("agent") {
      for key in Self.fanOutKeys { reportMisfit(key, fields, "belongs to a fan-out, and this is a queue") }
      buildQueue(item)
    } else if !fields.hasUnknownKeys {
      report(
        Diagnostic(
          "NX-CFG-102", "the pool `\(item.name)` needs the key `agents` or `agent`", at: item.location,
          help: "`agents` all get the same input; the workers of one `agent` share the tasks"))
    }
  }

  // MARK: Fan-out

  private mutating func buildFanOut(_ item: Named) {
    let fields = item.fields
    var draft = FlowDraft(FlowDefinition(kind: .pool, name: item.name))
    draft.definition.timeout = fields.duration("timeout")
    if let most = fields.integer("maxParallel") { draft.definition.maxParallel = most }
    if let agents = fields.value("agents"), let list = agents.list { buildMembers(&draft, list, agents, fields) }

    let strategy = strategy(fields, as: PoolStrategy.self, default: .all, "a fan-out")
    var decision = PoolDecision(strategy: strategy)
    buildQuorum(&decision, fields, members: draft.steps.count, of: item)
    if let equality = fields.value("equality") {
      if strategy == .all || strategy == .first {
        reportMisfit(
          "equality", fields, "has no meaning with the strategy \(strategy.rawValue), which compares nothing")
      }
      decision.equality = self.equality(equality, &draft.definition)
    }
    draft.definition.decision = decision
    add(draft)
  }

  private mutating func buildMembers(_ draft: inout FlowDraft, _ list: [Shaped], _ value: Shaped, _ fields: Fields) {
    if list.isEmpty {
      report(
        Diagnostic(
          "NX-CFG-245", "the pool `\(draft.definition.name)` has no agents", at: value.location,
          help: "name at least one"))
    }
    if list.count > FlowDefinition.maxSteps {
      report(
        Diagnostic(
          "NX-CFG-245", "there are more than \(FlowDefinition.maxSteps) agents",
          at: list[FlowDefinition.maxSteps].location))
      return
    }
    var taken = Set(list.compactMap(\.text))
    var seen: Set<String> = []
    for member in list {
      guard let text = member.text else { continue }
      let agent = agent(text, at: member.location, &draft.definition)
      var name = text
      if !seen.insert(text).inserted {
        // The second of an agent is told apart by a number that no other member is called by.
        var number = 2
        while taken.contains("\(text)-\(number)") { number += 1 }
        name = "\(text)-\(number)"
        taken.insert(name)
      }
      var step = FlowStep(name: name, action: .agent(agent))
      (step.retry, step.limits) = care(by: agent, retry: fields.value("retry"), timeout: fields.value("stepTimeout"))
      draft.steps.append(StepDraft(step: step, fields: fields, location: member.location))
    }
  }

  private mutating func buildQuorum(_ decision: inout PoolDecision, _ fields: Fields, members: Int, of item: Named) {
    guard decision.strategy == .quorum else {
      return reportMisfit("quorum", fields, "has no meaning with the strategy \(decision.strategy.rawValue)")
    }
    guard let value = fields.value("quorum"), let quorum = fields.integer("quorum") else {
      if !fields.has("quorum") {
        report(
          Diagnostic(
            "NX-CFG-102", "the strategy `quorum` needs the key `quorum`",
            at: fields.value("strategy")?.location ?? item.location, help: "write how many answers must agree"))
      }
      return
    }
    decision.quorum = quorum
    if quorum > members, members > 0 {
      report(
        Diagnostic(
          "NX-CFG-248", "\(quorum) answers can never agree: the pool has \(members)", at: value.location,
          help: "write a number from 1 to \(members)"))
    }
  }

  /// The word, if it is one of this form of pool.
  private mutating func strategy<Word: RawRepresentable<String> & CaseIterable>(
    _ fields: Fields, as type: Word.Type, default fallback: Word, _ form: String
  ) -> Word {
    guard let value = fields.value("strategy"), let text = value.text else { return fallback }
    if let word = Word(rawValue: text) { return word }
    report(
      Diagnostic(
        "NX-CFG-012", "`\(text)` is not a strategy of \(form)", at: value.location,
        label: "expected one of: \(Word.allCases.map(\.rawValue).joined(separator: ", "))",
        help: "`agents` makes a fan-out, `agent` a queue"))
    return fallback
  }

  private mutating func equality(_ value: Shaped, _ definition: inout FlowDefinition) -> PoolEquality {
    guard let fields = value.fields else { return .canonical }
    let given = fields.order.compactMap { fields.field($0) }
    if given.count != 1, !fields.hasUnknownKeys {
      report(
        Diagnostic(
          given.isEmpty ? "NX-CFG-102" : "NX-CFG-115", "an equality has one of `path`, `normalise` and `agent`",
          at: given.count > 1 ? given[1].keyLocation : value.location, help: given.isEmpty ? "write one" : "keep one"))
    }
    if let path = fields.value("path"), let text = path.text {
      // The way into an answer is written like the way into an output.
      let way = text.hasPrefix("[") ? "output\(text)" : "output.\(text)"
      if let reference = try? Reference(parsing: way) { return .path(reference.path) }
      report(
        Diagnostic(
          "NX-CFG-244", "`\(text)` is no way into an answer", at: path.location,
          help: "write names divided by points, such as answer.city or answers[0]"))
    }
    if let changes = fields.value("normalise") {
      return .normalised((changes.list ?? [changes]).compactMap { $0.text.flatMap(PoolNormaliser.init(rawValue:)) })
    }
    if let agent = fields.value("agent"), let text = agent.text {
      return .agent(self.agent(text, at: agent.location, &definition))
    }
    return .canonical
  }

  // MARK: Queue

  private mutating func buildQueue(_ item: Named) {
    let fields = item.fields
    guard let agent = fields.value("agent"), let text = agent.text else { return }
    var draft = FlowDraft(FlowDefinition(kind: .pool, name: item.name))
    draft.definition.isQueued = true
    let worker = self.agent(text, at: agent.location, &draft.definition)
    var step = FlowStep(name: text, action: .agent(worker))
    (step.retry, step.limits) = care(by: worker, retry: nil, timeout: nil)
    draft.steps.append(StepDraft(step: step, fields: fields, location: agent.location))
    add(draft)
    let size = fields.integer("size") ?? fields.integer("minSize") ?? 1
    var spec = QueuePoolSpec(
      name: PoolName(item.name), agent: worker, size: size,
      strategy: strategy(fields, as: QueueStrategy.self, default: .roundRobin, "a queue"),
      minSize: fields.integer("minSize"), maxSize: fields.integer("maxSize"), autoScale: autoScale(fields))
    if let most = fields.integer("maxQueue") { spec.maxQueue = most }
    if let capacity = fields.integer("capacity") { spec.capacity = capacity }
    if spec.size < spec.minSize || spec.size > spec.maxSize {
      report(
        Diagnostic(
          "NX-CFG-248", "\(spec.size) workers are not between \(spec.minSize) and \(spec.maxSize)",
          at: (fields.value("size") ?? fields.value("maxSize"))?.location ?? item.location,
          help: "make `minSize` at most `size`, and `size` at most `maxSize`"))
    }
    plan.queuePools.append(spec)
  }

  private func autoScale(_ fields: Fields) -> AutoScaleSpec? {
    if fields.boolean("autoScale") == true { return AutoScaleSpec() }
    guard let inner = fields.fields("autoScale") else { return nil }
    var spec = AutoScaleSpec()
    if let target = inner.integer("targetQueuePerWorker") { spec.targetQueuePerWorker = target }
    if let after = inner.duration("scaleUpAfter") { spec.scaleUpAfter = after }
    if let after = inner.duration("scaleDownAfter") { spec.scaleDownAfter = after }
    if let cooldown = inner.duration("cooldown") { spec.cooldown = cooldown }
    return spec
  }
}
