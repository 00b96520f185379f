// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Synchronization

/// A gateway on a free port over an in-memory store, with scripted providers of both dialects behind it.
struct GatewayBench: Sendable {
  let gateway: EffectGateway
  let store: any Store
  let upstream: ScriptedUpstream
  let events: EventLog
  let ledger: Ledger
  let signs: SignLog
  private let noticeLog: NoticeLog

  /// What the node's log would say.
  var notices: [String] { noticeLog.words.withLock { $0 } }

  /// How streamed answers went on, as the node's watchers of silence hear it.
  final class SignLog: Sendable {
    private let signs = Mutex<[StreamSign]>([])
    var all: [StreamSign] { signs.withLock { $0 } }
    fileprivate func append(_ sign: StreamSign) { signs.withLock { $0.append(sign) } }
  }

  private final class NoticeLog: Sendable { let words = Mutex<[String]>([]) }

  static func start(
    store: any Store = InMemoryStore(), budgets: [BudgetSpec] = [], prices: [PriceSpec] = [],
    tools: any ToolPerformer = NoTools(), limits: GatewayLimits = GatewayLimits(), boot: String = "boot_test",
    calls: any AgentCallHandler = EchoCalls(), script: JSONValue? = nil, providers: [ProviderSpec] = [],
    trustRoots: String? = nil, threads: Int = 2, attempts: Int = 1, models: [ModelAlias] = [], agents: [AgentSpec] = [],
    clock: any NexusClock = SystemClock(), gate: any EffectGate = OpenGate(),
    refusals: @escaping @Sendable (RefusedAccess) -> Void = { _ in },
    denials: @escaping @Sendable (DenialEvent) -> Void = { _ in }, upstream: ScriptedUpstream
  ) async throws -> GatewayBench {
    if upstream.port == 0 { try await upstream.start() }
    if try await store.run(Self.run) == nil { try await store.commit(StoreTransaction(.synced, [.insertRun(record)])) }
    var plan = ProjectPlan(name: "test")
    plan.providers = [
      ProviderSpec(
        name: "acme", dialect: .openai, baseURL: upstream.baseURL + "/v1", apiKey: SecretText("sk-real-openai"),
        // Where a request ends is not for a configuration to say.
        headers: [
          EnvironmentVariable("x-org", "ours"), EnvironmentVariable("Transfer-Encoding", "chunked"),
          EnvironmentVariable("Content-Length", "7"),
        ]),
      ProviderSpec(
        name: "claudia", dialect: .anthropic, baseURL: upstream.baseURL, apiKey: SecretText("sk-real-anthropic")),
      ProviderSpec(name: "gem", dialect: .gemini, baseURL: upstream.baseURL, apiKey: SecretText("real-gemini")),
    ]
    if !providers.isEmpty { plan.providers = providers }
    plan.models = [ModelAlias(alias: "fast", use: "acme/gpt-test")] + models
    plan.prices =
      prices
      + [
        PriceSpec(model: "acme/gpt-test", input: .zero, output: .zero),
        PriceSpec(model: "claudia/claude-test", input: .zero, output: .zero),
      ]
    plan.budgets = budgets
    plan.agents = agents
    let ledger = Ledger(plan: plan, boot: BootID(boot), clock: clock)
    let events = EventLog()
    let noticeLog = NoticeLog()
    let signs = SignLog()
    var configuration = GatewayConfiguration(plan: plan)
    configuration.port = 0
    configuration.localScript = script
    configuration.limits = limits
    configuration.limits.upstreamAttempts = attempts
    // Where many tests share few cores, one may come to send only long after it has connected.
    if limits.headerTimeout == GatewayLimits().headerTimeout { configuration.limits.headerTimeout = .seconds(120) }
    configuration.threads = threads
    configuration.trustRoots = trustRoots
    var ports = GatewayPorts(
      clock: clock, random: SystemRandom(), store: store, ledger: ledger, events: events, tools: tools,
      agentCalls: calls, notice: { notice in noticeLog.words.withLock { $0.append("\(notice)") } },
      streams: { signs.append($1) })
    (ports.gate, ports.refusals, ports.denials) = (gate, refusals, denials)
    let gateway = try EffectGateway(configuration, ports)
    try await gateway.start()
    return GatewayBench(
      gateway: gateway, store: store, upstream: upstream, events: events, ledger: ledger, signs: signs,
      noticeLog: noticeLog)
  }

  func stop() async {
    await gateway.shutdown()
    await upstream.stop()
  }

  static let run = RunID("run_0000000000000000000000test")

  static let record = RunRecord(
    id: run, kind: .agent, name: "tester", definition: DefinitionHash("d"), input: nil, idempotencyKey: nil,
    createdAt: WallTime(microseconds: 0), fence: FencingToken(1), head: .none,
    summary: RunSummary(status: .running, updatedAt: WallTime(microseconds: 0)))

  func open(_ attempt: Int = 1, run: RunID? = Self.run, rewind: Int = 0) async throws -> AttemptAccess {
    try await gateway.openAttempt(
      Caller(agent: AgentName("tester"), run: run, step: .main, attempt: AttemptNumber(attempt)), rewind: rewind
    ).access
  }

  /// The bytes of a request.
  static func request(
    _ method: String = "POST", _ path: String = "/v1/chat/completions", key: String, body: String = "",
    fields: [String] = []
  ) -> String {
    let lines =
      ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1:4201", "Authorization: Bearer \(key)"] + fields
      + ["Content-Type: application/json", "Content-Length: \(body.utf8.count)", "", body]
    return lines.joined(separator: "\r\n")
  }

  /// One request on a connection of its own.
  func call(
    _ method: String = "POST", _ path: String = "/v1/chat/completions", key: VirtualKey, body: String = "",
    fields: [String] = []
  ) async throws -> Reply {
    let client = try await AgentClient.connect(gateway.boundPort)
    defer { Task { await client.close() } }
    try await client.send(Self.request(method, path, key: key.secret, body: body, fields: fields))
    await client.wait { text, _ in Reply(text) != nil }
    guard let reply = Reply(client.received) else { throw NoReply(received: client.received) }
    return reply
  }

  struct NoReply: Error { let received: String }

  static func chat(_ text: String, model: String = "acme/gpt-test", more: String = "") -> String {
    "{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\"\(text)\"}]\(more)}"
  }

  /// A completion as the provider would write it.
  static func completion(_ text: String, model: String = "gpt-test", input: Int = 10, output: Int = 5)
    -> String
  {
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\(text)\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":\(input),\"completion_tokens\":\(output),\"total_tokens\":\(input + output)}}"
  }

  static func answer(_ text: String, model: String = "gpt-test") -> ScriptedUpstream.Act {
    .answer(status: 200, fields: [("content-type", "application/json")], body: completion(text, model: model))
  }
}

/// Keeps what was published.
final class EventLog: EventSink {
  private let events = Mutex<[NodeEvent]>([])
  private let keeps: Bool
  init(keeps: Bool = true) { self.keeps = keeps }
  func publish(_ event: NodeEvent) {
    if keeps { events.withLock { $0.append(event) } }
  }
  /// What was said of runs.
  var notes: [String] {
    events.withLock { $0.compactMap { if case .run(let event) = $0 { event.note } else { nil } } }
  }
  var phases: [EffectEvent.Phase] {
    events.withLock { $0.compactMap { if case .effect(let event) = $0 { event.phase } else { nil } } }
  }
}

struct NoTools: ToolPerformer {
  func definitions(for agent: AgentName) -> [ToolDefinition] { [] }
  func perform(
    _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
  ) async -> ToolOutcome {
    ToolOutcome(succeeded: false, content: "no such tool")
  }
}

/// Says back what it was asked.
struct EchoCalls: AgentCallHandler {
  func handle(_ call: AgentCall) async -> AgentReply {
    AgentReply(
      status: 200,
      body: [
        "method": .string(call.method), "path": .array(call.path.map(JSONValue.string)),
        "query": .object(
          call.query.sorted { $0.key < $1.key }.reduce(into: JSONObject()) { $0[$1.key] = .string($1.value) }),
        "body": .string(String(decoding: call.body, as: UTF8.self)), "attempt": .int(Int64(call.caller.attempt.value)),
      ])
  }
}
