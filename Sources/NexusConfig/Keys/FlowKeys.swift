// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel

/// Workflows and sagas, and their steps.
extension ConfigKeys {
  static let workflow = ObjectShape("a workflow", flow)
  static let saga = ObjectShape("a saga", flow + goingBack)

  private static let agentName = Shape(.name(.plain))

  private static let flow: [KeySpec] = [
    name,
    KeySpec("steps", .list(.object(step)), required: true, "The steps; without `needs`, one after the other."),
    KeySpec("onError", word(OnStepError.self), default: "stop", "The `onError` of steps that do not say."),
    KeySpec(
      "onExhausted", word(OnExhausted.self), default: "fail",
      "When the tries of a step are used up: `fail` ends the run, `pause` lets it wait for a person."),
    KeySpec("timeout", duration, default: "none", "The longest that the whole run may take."),
    KeySpec(
      "cost", Shape(.budget, sequence: .list(budgetEntry), mapping: .object(costScope)),
      "What all its runs may spend, with the agents and runs in them."),
    KeySpec("maxParallel", count(1), default: "16", "How many attempts of one run may be under way at a time."),
    KeySpec("input", .anything, availability: .laterAndRestricts, "The JSON Schema of its input."),
  ]

  private static let goingBack: [KeySpec] = [
    KeySpec(
      "onFailure", Shape(.word(["compensate"])), default: "compensate",
      "What a failure before the pivot means: what is done is undone, backwards."),
    KeySpec(
      "onCompensationFailure", word(OnCompensationFailure.self), default: "pause",
      "When a compensation fails for good: `pause` waits for a person, `continue` undoes the rest."),
  ]

  static let step = ObjectShape("a step", stepAction + stepCare + stepUndo)

  /// What it does, and when.
  private static let stepAction: [KeySpec] = [
    KeySpec("name", agentName, required: true, "Its name, by which other steps refer to it."),
    KeySpec(
      "agent", agentName, aliases: ["action"], "The agent that does it; also a workflow, saga or pool by its name."),
    KeySpec("workflow", agentName, "The workflow that is run as this step."),
    KeySpec("saga", agentName, "The saga that is run as this step."),
    KeySpec("pool", agentName, "The pool that is run as this step."),
    KeySpec(
      "sleep", text, "Instead of doing something it sleeps: a duration, or a reference to one or to a time."),
    KeySpec("waitFor", Shape(.name(.free)), "Instead of doing something it waits for the event of this name."),
    KeySpec(
      "needs", Shape(.name(.plain), sequence: .list(agentName)),
      default: "the step before, if no step of the list has `needs`; else none",
      "The steps that must be over before it begins."),
    KeySpec("when", text, default: "always", "The condition under which it is done; else it is skipped."),
    KeySpec("forEach", .anything, "A list, or a reference to one: the step is done once for each element."),
    KeySpec(
      "parallel", Shape(.integer(1...Int64(ForEach.maxItems))), default: "8",
      "How many elements of `forEach` may be worked on at a time."),
    KeySpec(
      "input", .anything, default: "the run's input, or what the steps before returned",
      "Its input, with references in its texts. No variable is replaced in it."),
  ]

  /// How it is tried.
  private static let stepCare: [KeySpec] = [
    KeySpec(
      "retry", Shape(.integer(1...1_000_000), mapping: .object(stepRetry)), aliases: ["retries"],
      default: "the agent's", "How often it is tried."),
    KeySpec("retryDelay", duration, "The same as `retry.initial`."),
    KeySpec(
      "timeout", Shape(.duration, mapping: .object(stepTimeout)), aliases: ["stepTimeout"], default: "the agent's",
      "The longest that one attempt, or the wait for an event, may take."),
    KeySpec("heartbeat", duration, default: "none expected", "How long an attempt may go without any activity."),
    KeySpec(
      "onError", word(OnStepError.self), default: "stop",
      "When it has failed for good: `stop` ends the run, `skip` goes on with null, `retry` tries without end."),
    KeySpec(
      "onUnknown", Shape(.word(["retry-same-key", "ask", "fail"]), mapping: .object(probeAgent)),
      default: "retry-same-key",
      "When an attempt was cut off and nobody knows what it did: try again, ask a person, fail, or `{probe: AGENT}`."),
    KeySpec("idempotencyKey", text, default: "made of run and step", "The key that its effect is known by outside."),
    KeySpec(
      "parentClose", word(ParentClose.self), default: "cancel",
      "Of a step that is a run: what becomes of that run when this one ends first."),
    KeySpec("validate", validatorNames, "The validators of its output, by name."),
    KeySpec(
      "cost", Shape(.budget, sequence: .list(budgetEntry), mapping: .object(costScope)),
      "What it may spend in all runs, each try of it."),
  ]

  /// How a saga goes back over it.
  private static let stepUndo: [KeySpec] = [
    KeySpec(
      "kind", word(SagaCommitment.self), default: "compensatable",
      "In a saga: `compensatable` can be undone, behind `pivot` there is no way back, `retriable` is tried until done."),
    KeySpec(
      "compensation", Shape(.name(.plain), mapping: .object(compensation)), aliases: ["compensate"],
      "In a saga: the agent that undoes it."),
    KeySpec(
      "compensateFailed", word(CompensateFailed.self), default: "auto",
      "Whether it is undone when it is the step that failed; `auto`: if an attempt of it may have had an effect."),
  ]

  static let stepRetry = ObjectShape(
    "the retry of a step",
    [
      KeySpec("maxAttempts", count(1), default: "3; of a retriable step without end", "How many attempts it has."),
      KeySpec("initial", duration, aliases: ["retryDelay"], default: "1s", "The wait before the third attempt."),
      KeySpec("factor", Shape(.factor), default: "2", "What each wait is multiplied by."),
      KeySpec("max", duration, default: "60s", "The longest wait."),
      KeySpec("jitter", Shape(.jitter), default: "0", "By how much of itself a wait varies; `true` is 0.2."),
      KeySpec("nonRetryable", texts, default: "none", "Errors after which it is not tried again: codes, or `exit 3`."),
    ])

  static let stepTimeout = ObjectShape(
    "the timeout of a step",
    [
      KeySpec("attempt", duration, default: "the agent's", "One attempt, from its start to its end."),
      KeySpec("queue", duration, default: "none", "The wait for the start of an attempt."),
    ])

  static let probeAgent = ObjectShape(
    "a probe of the unknown",
    [
      KeySpec(
        "probe", agentName, required: true,
        "The agent that finds out: it gets `{input, idempotencyKey}` and answers `{applied, output}`.")
    ])

  static let compensation = ObjectShape(
    "a compensation",
    [
      KeySpec("agent", agentName, aliases: ["action"], required: true, "The agent that undoes the step."),
      KeySpec("input", .anything, default: "`{input, output, error}` of the step", "Its input."),
      KeySpec(
        "retry", Shape(.integer(1...1_000_000), mapping: .object(stepRetry)), aliases: ["retries"],
        default: "the agent's", "How often it is tried."),
      KeySpec(
        "timeout", Shape(.duration, mapping: .object(stepTimeout)), default: "the agent's",
        "The longest that one attempt may take."),
      KeySpec(
        "reserve", Shape(.budget, mapping: .object(reserve)), default: "a tenth of each limit, shared",
        "What budgets keep for it while the saga may still go back: `$0.10`, `2000 tokens`, or both; `$0` for nothing."),
    ])

  static let reserve = ObjectShape(
    "the reserve of a compensation",
    [
      KeySpec("maxTokens", Shape(.integer(0...Int64.max)), "The tokens that are kept."),
      KeySpec("maxDollars", Shape(.money), aliases: ["maxCost"], "The dollars that are kept."),
    ])
}
