// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Synchronization

/// A clock that goes only when it is told to.
final class StillClock: NexusClock, RandomSource {
  private let state = Mutex((seconds: Int64(0), ahead: Int64(0), drawn: UInt64(0)))

  func now() -> Instant { Instant(nanoseconds: state.withLock { $0.seconds } * 1_000_000_000) }
  func wallNow() -> WallTime {
    let seconds = state.withLock { $0.seconds + $0.ahead }
    return WallTime(microseconds: (20_780 * 86_400 + seconds) * 1_000_000)
  }
  func sleep(until deadline: Instant) async throws {}
  func next() -> UInt64 {
    state.withLock { state in
      state.drawn += 1
      return state.drawn
    }
  }
  func go(_ seconds: Int64) { state.withLock { $0.seconds += seconds } }
  func setAhead(_ seconds: Int64) { state.withLock { $0.ahead = seconds } }
}

/// Collects what a callback was told.
final class Told<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])
  func add(_ value: Value) { values.withLock { $0.append(value) } }
  var all: [Value] { values.withLock { $0 } }
}

let writer = AgentName("writer")

func plan(
  _ budgets: [BudgetSpec] = [], prices: [PriceSpec] = [], mode: CostMode = .hard, supervisor: SupervisorName? = nil
) -> ProjectPlan {
  var plan = ProjectPlan(name: "test")
  var agent = AgentSpec(name: writer, kind: .process(command: ["true"]), workingDirectory: "/")
  agent.supervisor = supervisor
  plan.agents = [agent]
  plan.budgets = budgets
  plan.prices = prices
  plan.costMode = mode
  return plan
}

func budget(dollars nano: Int64? = nil, tokens: Int64? = nil, _ window: BudgetWindow = .lifetime) -> BudgetSpec {
  BudgetSpec(
    scope: .agent(writer), window: window, maxTokens: tokens.map { TokenCount($0) }, maxCost: nano.map { NanoUSD($0) })
}

/// $0.002 a request and nothing for tokens.
let flatPrice = PriceSpec(model: "scripted", input: .zero, output: .zero, perRequest: NanoUSD(2_000_000))

func request(
  _ id: String, provider: String = "upstream", model: String = "scripted", cap: Int64? = 100, bytes: Int = 1000,
  run: RunID? = nil, unbounded: [String] = []
) -> AdmissionRequest {
  AdmissionRequest(
    id: EffectID(id), caller: Caller(agent: writer, run: run, step: .main, attempt: AttemptNumber(1)),
    provider: provider, model: model,
    facts: RequestFacts(dialect: .openai, textBytes: bytes, outputCap: cap, unbounded: unbounded))
}

func usage(input: Int64 = 10, output: Int64 = 5, model: String? = nil) -> CallUsage {
  var usage = CallUsage()
  usage.uncachedInput = TokenCount(input)
  usage.output = TokenCount(output)
  usage.model = model
  return usage
}

extension Ledger {
  convenience init(_ plan: ProjectPlan, clock: StillClock = StillClock(), boot: String = "boot_now") {
    self.init(plan: plan, boot: BootID(boot), clock: clock)
  }

  /// Asks without expecting to wait.
  func admit(_ request: AdmissionRequest) -> Admission { admit(request) { _ in } }
}

extension Admission {
  var hold: HoldRow? { if case .admitted(let hold, _, _) = self { hold } else { nil } }
  var marks: [CounterMark] { if case .admitted(_, let marks, _) = self { marks } else { [] } }
  var cap: Int64? { if case .admitted(_, _, let cap) = self { cap } else { nil } }
  var refusal: AdmissionRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}
