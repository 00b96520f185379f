// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore
internal import NexusStoreSQLite
internal import NexusTestKit

/// A node as `naos up` puts it together, but for its HTTP ports and its processes: store, ledger, agent plane, runtime.
///
/// Its one agent is a service that lives in this process and asks for work by the calls of the agent API.
struct BenchNode: Sendable {
  static let worker = AgentName("worker")

  let runtime: AgentRuntime
  let store: SQLiteStore
  let clock: SystemClock
  private let gateway: EffectGateway

  /// Opens the database, runs the body with the node, and closes both.
  ///
  /// - Parameters:
  ///   - path: of the database, which is made if there is none.
  ///   - flows: what can be started.
  ///   - body: what is measured.
  /// - Throws: what the body throws, and `StoreError`.
  /// - Returns: what the body returned.
  @concurrent
  static func with<Answer: Sendable>(
    _ path: String, _ flows: [FlowDefinition], _ body: @escaping @Sendable (BenchNode) async throws -> Answer
  ) async throws -> Answer {
    let clock = SystemClock()
    let random = SystemRandom()
    let ids = IdentifierSource(clock: clock, random: random)
    let plan = plan(flows)
    let store = try await SQLiteStore.open(path: path, durability: .sync, clock: clock)
    let events = EventHub()
    let gateway = try EffectGateway(
      GatewayConfiguration(),
      GatewayPorts(
        clock: clock, random: random, store: store, ledger: Ledger(plan: plan, boot: ids.boot(), clock: clock),
        events: events, tools: NoTools(), agentCalls: NoCalls()))
    let runtime = AgentRuntime(
      plan: plan,
      services: RuntimeServices(
        store: store, boundary: gateway, launcher: FakeLauncher(), captures: FakeCaptures(), probes: FakeProbes(),
        clock: clock, ids: ids, events: events, stateDirectory: path + ".state", inherited: [], ownCommand: ["false"]),
      hash: { Digest.sha256($0) })
    try await runtime.prepare()
    let node = BenchNode(runtime: runtime, store: store, clock: clock, gateway: gateway)
    let answer = try await withThrowingTaskGroup(of: Answer?.self) { group in
      group.addTask {
        await runtime.run()
        return nil
      }
      await runtime.start(services: false)
      group.addTask {
        let answer = try await body(node)
        await runtime.shutdown()
        return answer
      }
      var answer: Answer?
      for try await some in group { answer = answer ?? some }
      return answer
    }
    await store.close()
    guard let answer else { throw BenchError("the node ended before the measurement") }
    return answer
  }

  private static func plan(_ flows: [FlowDefinition]) -> ProjectPlan {
    var plan = ProjectPlan(name: "bench")
    let agent = AgentSpec(name: worker, kind: .process(command: ["false"]), mode: .service, workingDirectory: "/")
    plan.agents = [agent]
    plan.flows = flows.map { flow in
      var flow = flow
      flow.agents[worker] = agent.definition
      return flow
    }
    return plan
  }

  /// A chain of steps, each with the output of the one before as its input.
  static func chain(_ name: String, steps: Int) -> FlowDefinition {
    let steps = (0..<steps).map { index in
      FlowStep(name: "s\(index)", action: .agent(worker), needs: index == 0 ? [] : [index - 1])
    }
    return FlowDefinition(kind: .workflow, name: name, steps: steps)
  }

  /// Runs a flow to its end.
  ///
  /// - Throws: `BenchError` unless it completed.
  func run(_ flow: String, input: JSONValue = ["n": 1]) async throws -> RunID {
    let run = try await runtime.executor.start(flow, input: input).id
    await runtime.executor.wait(for: run)
    return run
  }

  /// What the service is known by at the agent plane.
  func serviceKey() async throws -> (caller: Caller, key: VirtualKey) {
    let caller = Caller(agent: Self.worker, run: nil, step: .main, attempt: AttemptNumber(1))
    return (caller, try await gateway.openAttempt(caller, rewind: 0).access.key)
  }
}

struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// No agent of the bench uses tools.
private struct NoTools: ToolPerformer {
  func definitions(for agent: AgentName) -> [ToolDefinition] { [] }
  func perform(
    _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
  ) async -> ToolOutcome {
    ToolOutcome(succeeded: false, content: "there are no tools")
  }
}

/// The agent plane has no port here, so no call comes by it.
private struct NoCalls: AgentCallHandler {
  func handle(_ call: AgentCall) async -> AgentReply { AgentReply(status: 404) }
}
