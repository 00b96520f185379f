// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// A random workflow, saga or pool that can be walked to an end.
package enum RandomFlow {
  package static func make(_ random: inout SplitMix) throws -> FlowDefinition {
    let flow =
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1: try workflow(&random)
      case 2, 3: saga(&random)
      default: pool(&random)
      }
    return Int.random(in: 0..<3, using: &random) == 0 ? guarded(flow, &random) : flow
  }

  /// With validators over some of its steps, for `SampleJudge`.
  private static func guarded(_ flow: FlowDefinition, _ random: inout SplitMix) -> FlowDefinition {
    var flow = flow
    for number in 0..<Int.random(in: 1...2, using: &random) {
      var gate = GateDefinition.sample("g\(number)")
      // What is odd, and what a run of a step came to, means now this, now that.
      for word in ["odd", "child", "same"] where word == "odd" || Int.random(in: 0..<6, using: &random) == 0 {
        let verdict = [Verdict.warn, .retry, .retry, .escalate, .stop].randomElement(using: &random) ?? .retry
        gate.program.changeObject { $0[word] = .string(verdict.rawValue) }
      }
      gate.retry.maxAttempts = Int.random(in: 1...4, using: &random)
      gate.retry.noProgress = NoProgress.allCases.randomElement(using: &random) ?? .ignore
      gate.retry.backoff = .seconds(Int64.random(in: 0...9, using: &random))
      gate.onExhausted = Bool.random(using: &random) ? .stop : .escalate
      gate.observes = Int.random(in: 0..<6, using: &random) == 0
      flow.gates[gate.name] = gate
      for index in flow.steps.indices where Bool.random(using: &random) {
        switch flow.steps[index].action {
        case .agent, .run:
          if Int.random(in: 0..<5, using: &random) == 0 {
            flow.steps[index].inputGates.append(gate.name)
          } else {
            flow.steps[index].gates.append(gate.name)
          }
        case .sleep, .event: break
        }
      }
    }
    return flow
  }

  private static func workflow(_ random: inout SplitMix) throws -> FlowDefinition {
    var steps: [FlowStep] = []
    for index in 0..<Int.random(in: 1...7, using: &random) {
      var step = FlowStep(name: "s\(index)", action: try action(index, &random), needs: needs(index, &random))
      if Bool.random(using: &random), case .agent = step.action, Bool.random(using: &random) {
        step.forEach = ForEach(
          items: try ValueTemplate(parsing: "{{ run.input.list }}"), parallel: Int.random(in: 1...3, using: &random))
      }
      vary(&step, &random)
      if let need = step.needs.last, Int.random(in: 0..<5, using: &random) == 0 {
        let isEqual = Bool.random(using: &random) ? "==" : "!="
        step.condition = try Condition(parsing: "steps.\(steps[need].name).output \(isEqual) \"same\"")
      }
      steps.append(step)
    }
    let limit = timeout(&random)
    return FlowDefinition.workflow(steps).with {
      $0.timeout = limit
      $0.maxParallel = Int.random(in: 1...4, using: &random)
      $0.onExhausted = Int.random(in: 0..<4, using: &random) == 0 ? .pause : .fail
    }
  }

  private static func action(_ index: Int, _ random: inout SplitMix) throws -> StepAction {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: .sleep(try ValueTemplate(parsing: .int(Int64.random(in: 0...100, using: &random))))
    case 1: .event("go\(Int.random(in: 0...1, using: &random))")
    case 2: .run("child")
    default: .agent(AgentName("agent-\(index)"))
    }
  }

  private static func needs(_ index: Int, _ random: inout SplitMix) -> [Int] {
    (0..<index).filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
  }

  /// The limit of a whole run, which most have not: it comes between two attempts, or in one.
  private static func timeout(_ random: inout SplitMix) -> Duration? {
    Int.random(in: 0..<8, using: &random) == 0 ? .seconds(Int64.random(in: 1...60, using: &random)) : nil
  }

  private static func limits(_ random: inout SplitMix) -> StepLimits {
    Int.random(in: 0..<6, using: &random) == 0
      ? StepLimits(attempt: .seconds(Int64.random(in: 1...20, using: &random))) : StepLimits()
  }

  private static func vary(_ step: inout FlowStep, _ random: inout SplitMix) {
    step.retry.policy.maxAttempts = Int.random(in: 1...4, using: &random)
    step.retry.jitter = Bool.random(using: &random) ? 0.3 : 0
    if case .agent = step.action { step.limits = limits(&random) }
    step.parentClose = ParentClose.allCases.randomElement(using: &random) ?? .cancel
    switch Int.random(in: 0..<8, using: &random) {
    case 0: step.onError = .skip
    case 4: if case .run = step.action { step.onError = .retry }
    case 1: step.onUnknown = .ask
    case 2: step.onUnknown = .fail
    case 3: step.onUnknown = .probe(AgentName("probe"))
    default: break
    }
  }

  private static func doubt(_ random: inout SplitMix) -> OnUnknown {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: .ask
    case 1: .fail
    case 2: .probe(AgentName("probe"))
    default: .retrySameKey
    }
  }

  private static func saga(_ random: inout SplitMix) -> FlowDefinition {
    let count = Int.random(in: 1...6, using: &random)
    let pivot = Bool.random(using: &random) ? Int.random(in: 0..<count, using: &random) : nil
    let isParallel = Int.random(in: 0..<3, using: &random) == 0 && pivot == nil
    var steps: [FlowStep] = []
    for index in 0..<count {
      let needs = isParallel ? needs(index, &random) : index == 0 ? [] : [index - 1]
      var step = FlowStep.agent("s\(index)", needs: needs)
      if Int.random(in: 0..<5, using: &random) == 0 { step.action = .run("child") }
      if let pivot, index >= pivot {
        step.commitment = index == pivot ? .pivot : .retriable
        if index == pivot, case .agent = step.action { step.onUnknown = doubt(&random) }
      } else if Int.random(in: 0..<5, using: &random) > 0 {
        step.compensation = CompensationStep(agent: AgentName("undo-\(index)"))
        step.compensation?.retry.policy.maxAttempts = Int.random(in: 1...3, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: step.compensation?.reserve = Spend(cost: NanoUSD(5), tokens: TokenCount(7))
        case 1: step.compensation?.reserve = .zero
        default: break
        }
        // One that can never be made.
        if Int.random(in: 0..<8, using: &random) == 0 {
          step.compensation?.input = try? ValueTemplate(parsing: "{{ output.nope.id }}")
        }
      }
      step.retry.policy.maxAttempts = Int.random(in: 1...3, using: &random)
      if case .agent = step.action { step.limits = limits(&random) }
      steps.append(step)
    }
    let limit = timeout(&random)
    return FlowDefinition.saga(steps).with {
      $0.timeout = limit
      $0.onCompensationFailure = Bool.random(using: &random) ? .pause : .proceed
    }
  }

  private static func pool(_ random: inout SplitMix) -> FlowDefinition {
    let members = Int.random(in: 1...5, using: &random)
    let strategy = PoolStrategy.allCases.randomElement(using: &random) ?? .all
    var decision = PoolDecision(strategy: strategy, quorum: Int.random(in: 1...members, using: &random))
    if Int.random(in: 0..<4, using: &random) == 0 { decision.equality = .agent(AgentName("judge")) }
    let isCalledJudge = Bool.random(using: &random)
    return FlowDefinition.pool(members, decision).with {
      $0.maxParallel = Int.random(in: 1...5, using: &random)
      if isCalledJudge { $0.steps[members - 1].name = "judge" }
    }
  }
}
