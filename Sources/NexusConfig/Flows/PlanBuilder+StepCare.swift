// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

// How often a step is tried, how long it may take and how it is undone.
extension PlanBuilder {
  mutating func buildCare(of step: inout FlowStep, _ fields: Fields) {
    if case .agent(let name) = step.action {
      (step.retry, step.limits) = care(
        by: name, retry: fields.value("retry"), timeout: fields.value("timeout"),
        isEndless: step.commitment == .retriable)
    } else if case .event = step.action {
      step.limits = limits(fields.value("timeout"), StepLimits())
      if step.limits.queue != nil, let value = fields.fields("timeout")?.value("queue") {
        report(
          Diagnostic(
            "NX-CFG-115", "a step that waits for an event is in no queue", at: value.location, help: "remove it"))
      }
    }
    if let delay = fields.value("retryDelay"), let initial = fields.duration("retryDelay") {
      if let other = fields.fields("retry")?.value("initial") {
        report(
          Diagnostic(
            "NX-CFG-113", "`retryDelay` says the same as `retry.initial`", at: delay.location,
            notes: [.init("`initial` is here", at: other.location)], help: "keep one of the two"))
      }
      step.retry.policy.initial = initial
      if fields.fields("retry")?.duration("max") == nil { step.retry.policy.max = max(step.retry.policy.max, initial) }
    }
    step.limits.heartbeat = fields.duration("heartbeat")
    if let word = fields.word("onError", as: OnStepError.self) { step.onError = word }
  }

  /// What the step or the compensation says, and for the rest what its agent says.
  mutating func care(
    by agent: AgentName, retry: Shaped?, timeout: Shaped?, isEndless: Bool = false
  ) -> (StepRetry, StepLimits) {
    let spec = agentIndex[agent].map { plan.agents[$0] }
    var policy = spec?.retry ?? RetryPolicy()
    if isEndless { policy.maxAttempts = RetryPolicy.endless }
    return (self.retry(retry, StepRetry(policy: policy)), limits(timeout, StepLimits(attempt: spec?.timeout)))
  }

  private mutating func retry(_ value: Shaped?, _ inherited: StepRetry) -> StepRetry {
    var retry = inherited
    guard let value else { return retry }
    if case .integer(let attempts) = value.content { retry.policy.maxAttempts = Int(attempts) }
    guard let fields = value.fields else { return retry }
    if let attempts = fields.integer("maxAttempts") { retry.policy.maxAttempts = attempts }
    if let initial = fields.duration("initial") { retry.policy.initial = initial }
    if let factor = fields.factor("factor") { retry.policy.factor = factor }
    retry.policy.max = fields.duration("max") ?? max(retry.policy.max, retry.policy.initial)
    if let jitter = fields.factor("jitter") { retry.jitter = jitter }
    checkOrder(fields, retry.policy.initial, retry.policy.max)
    for pattern in fields.value("nonRetryable")?.list ?? [] {
      guard let text = pattern.text else { continue }
      guard let error = ErrorPattern(text) else {
        report(
          Diagnostic(
            "NX-CFG-012", "`\(text)` does not name an error", at: pattern.location,
            help: "write a code such as NX-AGT-005, or `exit 3` for an exit code"))
        continue
      }
      retry.nonRetryable.append(error)
    }
    return retry
  }

  private func limits(_ value: Shaped?, _ inherited: StepLimits) -> StepLimits {
    var limits = inherited
    if case .duration(let attempt)? = value?.content { limits.attempt = attempt }
    if let fields = value?.fields {
      if let attempt = fields.duration("attempt") { limits.attempt = attempt }
      limits.queue = fields.duration("queue")
    }
    return limits
  }

  // MARK: Going back

  /// What becomes of an effect of which nobody knows, and of one that is not wanted any more.
  mutating func buildUndo(
    of step: inout FlowStep, _ fields: Fields, _ draft: inout FlowDraft, _ uses: inout [ReferenceUse]
  ) {
    if let value = fields.value("onUnknown") {
      switch value.text {
      case "ask": step.onUnknown = .ask
      case "fail": step.onUnknown = .fail
      case "retry-same-key": step.onUnknown = .retrySameKey
      default:
        if let probe = value.fields?.value("probe"), let name = probe.text {
          step.onUnknown = .probe(agent(name, at: probe.location, &draft.definition))
        }
      }
    }
    guard let value = fields.value("compensation"),
      let name = value.fields?.value("agent") ?? (value.fields == nil ? value : nil), let text = name.text
    else { return }
    var compensation = CompensationStep(agent: agent(text, at: name.location, &draft.definition))
    (compensation.retry, compensation.limits) = care(
      by: compensation.agent, retry: value.fields?.value("retry"), timeout: value.fields?.value("timeout"))
    if let input = value.fields?.value("input") { compensation.input = template(input, .compensation, &uses) }
    if let value = value.fields?.value("reserve") { compensation.reserve = reserve(value) }
    if let word = fields.word("compensateFailed", as: CompensateFailed.self) { compensation.ofFailed = word }
    step.compensation = compensation
  }

  /// An amount without a window: it is kept for as long as the saga may go back.
  private mutating func reserve(_ value: Shaped) -> Spend? {
    if case .budget(let text) = value.content {
      if text.window != nil {
        report(
          Diagnostic(
            "NX-CFG-115", "a reserve has no window: it is kept while the saga may go back", at: value.location,
            help: "write the amount alone"))
      }
      return Spend(
        cost: text.maxCost ?? .zero, tokens: text.maxTokens ?? .zero, requests: text.maxRequests ?? 0)
    }
    guard let fields = value.fields else { return nil }
    var reserve = Spend(cost: fields.money("maxDollars") ?? .zero)
    if case .integer(let tokens)? = fields.value("maxTokens")?.content { reserve.tokens = TokenCount(tokens) }
    return reserve
  }
}
