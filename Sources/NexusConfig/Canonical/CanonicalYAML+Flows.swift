// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension CanonicalYAML {
  func flow(_ definition: FlowDefinition) -> YAMLText {
    var members: [(String, YAMLText)] = [("onExhausted", .plain(definition.onExhausted.rawValue))]
    if definition.kind == .saga {
      members.append(("onFailure", .plain("compensate")))
      members.append(("onCompensationFailure", .plain(definition.onCompensationFailure.rawValue)))
    }
    if let timeout = definition.timeout { members.append(("timeout", .plain(DurationText.text(timeout)))) }
    members.append(("maxParallel", .plain(String(definition.maxParallel))))
    members += cost(of: BudgetScope.flow(definition.kind, definition.name))
    members.append(("steps", .list(definition.steps.map { .map(step($0, of: definition)) })))
    return commented(members, definition.refusals)
  }

  // MARK: Steps

  private func step(_ step: FlowStep, of definition: FlowDefinition) -> [(String, YAMLText)] {
    var members: [(String, YAMLText)] = [("name", .text(step.name)), action(step.action)]
    members.append(("needs", .list(step.needs.map { .text(definition.steps[$0].name) })))
    if let condition = step.condition { members.append(("when", .text(condition.source))) }
    if let forEach = step.forEach {
      members.append(("forEach", YAMLText(data: forEach.items.source)))
      members.append(("parallel", .plain(String(forEach.parallel))))
    }
    if let input = step.input { members.append(("input", YAMLText(data: input.source))) }
    if case .agent = step.action { members.append(("retry", retry(step.retry))) }
    members += timeout(step.limits)
    if let heartbeat = step.limits.heartbeat { members.append(("heartbeat", .plain(DurationText.text(heartbeat)))) }
    members.append(("onError", .plain(step.onError.rawValue)))
    if case .agent = step.action { members.append(("onUnknown", onUnknown(step.onUnknown))) }
    if case .string(let key)? = step.idempotencyKey?.source { members.append(("idempotencyKey", .text(key))) }
    if case .run = step.action { members.append(("parentClose", .plain(step.parentClose.rawValue))) }
    members += cost(of: .step(flow: definition.name, step: step.name))
    if definition.kind == .saga { members.append(("kind", .plain(step.commitment.rawValue))) }
    if let compensation = step.compensation {
      members.append(("compensation", self.compensation(compensation)))
      members.append(("compensateFailed", .plain(compensation.ofFailed.rawValue)))
    }
    return members
  }

  private func action(_ action: StepAction) -> (String, YAMLText) {
    switch action {
    case .agent(let name): ("agent", .text(name.text))
    case .run(let name): (plan.flow(name)?.kind.rawValue ?? "workflow", .text(name))
    case .sleep(let length): ("sleep", .text(length.source.stringValue ?? ""))
    case .event(let name): ("waitFor", .text(name))
    }
  }

  private func retry(_ retry: StepRetry) -> YAMLText {
    var members: [(String, YAMLText)] = []
    // Without end is what a retriable step does when nothing else is said.
    if retry.policy.maxAttempts != RetryPolicy.endless {
      members.append(("maxAttempts", .plain(String(retry.policy.maxAttempts))))
    }
    members += [
      ("initial", .plain(DurationText.text(retry.policy.initial))),
      ("factor", .plain(Self.number(retry.policy.factor))),
      ("max", .plain(DurationText.text(retry.policy.max))), ("jitter", .plain(Self.number(retry.jitter))),
    ]
    if !retry.nonRetryable.isEmpty {
      members.append(("nonRetryable", .list(retry.nonRetryable.map { .text($0.text) })))
    }
    return .map(members)
  }

  private func timeout(_ limits: StepLimits, _ key: String = "timeout") -> [(String, YAMLText)] {
    var members: [(String, YAMLText)] = []
    if let attempt = limits.attempt { members.append(("attempt", .plain(DurationText.text(attempt)))) }
    if let queue = limits.queue { members.append(("queue", .plain(DurationText.text(queue)))) }
    return members.isEmpty ? [] : [(key, .map(members))]
  }

  private func onUnknown(_ policy: OnUnknown) -> YAMLText {
    switch policy {
    case .retrySameKey: .plain("retry-same-key")
    case .ask: .plain("ask")
    case .fail: .plain("fail")
    case .probe(let agent): .map([("probe", .text(agent.text))])
    }
  }

  private func compensation(_ step: CompensationStep) -> YAMLText {
    var members: [(String, YAMLText)] = [("agent", .text(step.agent.text))]
    if let input = step.input { members.append(("input", YAMLText(data: input.source))) }
    members.append(("retry", retry(step.retry)))
    members += timeout(step.limits)
    if let reserve = step.reserve {
      members.append(
        (
          "reserve",
          .map([
            ("maxTokens", .plain(reserve.tokens.description)), ("maxDollars", .plain(MoneyText.text(reserve.cost))),
          ])
        ))
    }
    return .map(members)
  }

  // MARK: Pools

  func pool(_ definition: FlowDefinition) -> YAMLText {
    let agents = definition.steps.compactMap { step -> YAMLText? in
      if case .agent(let name) = step.action { .text(name.text) } else { nil }
    }
    var members: [(String, YAMLText)] = [("agents", .list(agents))]
    if let decision = definition.decision {
      members.append(("strategy", .plain(decision.strategy.rawValue)))
      if decision.strategy == .quorum { members.append(("quorum", .plain(String(decision.quorum)))) }
      if decision.strategy == .quorum || decision.strategy == .majority {
        members.append(("equality", equality(decision.equality)))
      }
    }
    // What the members have from their agents comes from them again.
    if let timeout = definition.timeout { members.append(("timeout", .plain(DurationText.text(timeout)))) }
    members.append(("maxParallel", .plain(String(definition.maxParallel))))
    if let first = definition.steps.first {
      if definition.steps.allSatisfy({ $0.retry == first.retry }) { members.append(("retry", retry(first.retry))) }
      if definition.steps.allSatisfy({ $0.limits == first.limits }) { members += timeout(first.limits, "stepTimeout") }
    }
    members += cost(of: .pool(definition.name))
    return commented(members, definition.refusals)
  }

  private func equality(_ equality: PoolEquality) -> YAMLText {
    switch equality {
    case .canonical: .plain("canonical")
    case .path(let parts):
      .map([
        (
          "path",
          .text(String(Reference(.compensatedOutput, path: parts).text.dropFirst("output".count).drop { $0 == "." }))
        )
      ])
    case .normalised(let changes): .map([("normalise", .list(changes.map { .plain($0.rawValue) }))])
    case .agent(let name): .map([("agent", .text(name.text))])
    }
  }

  func queue(_ spec: QueuePoolSpec) -> YAMLText {
    var scaling = YAMLText.plain("false")
    if let auto = spec.autoScale {
      scaling = .map([
        ("targetQueuePerWorker", .plain(String(auto.targetQueuePerWorker))),
        ("scaleUpAfter", .plain(DurationText.text(auto.scaleUpAfter))),
        ("scaleDownAfter", .plain(DurationText.text(auto.scaleDownAfter))),
        ("cooldown", .plain(DurationText.text(auto.cooldown))),
      ])
    }
    let members: [(String, YAMLText)] = [
      ("agent", .text(spec.agent.text)), ("strategy", .plain(spec.strategy.rawValue)),
      ("size", .plain(String(spec.size))), ("minSize", .plain(String(spec.minSize))),
      ("maxSize", .plain(String(spec.maxSize))), ("autoScale", scaling), ("maxQueue", .plain(String(spec.maxQueue))),
      ("capacity", .plain(String(spec.capacity))),
    ]
    return .map(members + cost(of: .pool(spec.name.text)))
  }

  // MARK: Schedules

  func schedule(_ spec: ScheduleSpec) -> YAMLText {
    .map([
      ("cron", .text(spec.cronText)), ("timezone", .text(spec.timeZone)), ("run", .text(spec.run)),
      ("input", YAMLText(data: spec.input)), ("overlap", .plain(spec.overlap.rawValue)),
      (
        "catchUp",
        .map([
          ("policy", .plain(spec.catchUp.policy.rawValue)), ("window", .plain(DurationText.text(spec.catchUp.window))),
        ])
      ),
    ])
  }
}
