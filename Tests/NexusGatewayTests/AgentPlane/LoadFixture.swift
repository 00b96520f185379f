// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import NexusStoreSQLite
import Testing

/// Not a test of its own: a gateway with budgets on, for a load generator outside.
///
/// `NAOS_LOAD_FIXTURE` names a file that gets the port, a service's key and a run's key; the gateway goes when the file
/// does. `NAOS_LOAD_UPSTREAM` is the provider's base URL with `/v1`, `NAOS_LOAD_DATABASE` a SQLite file.
struct LoadFixture {
  @Test(.enabled(if: ProcessInfo.processInfo.environment["NAOS_LOAD_FIXTURE"] != nil))
  func `serves until its file is removed`() async throws {
    let environment = ProcessInfo.processInfo.environment
    let file = try #require(environment["NAOS_LOAD_FIXTURE"])
    let store: any Store =
      if let path = environment["NAOS_LOAD_DATABASE"] {
        try await SQLiteStore.open(path: path, clock: SystemClock())
      } else { InMemoryStore() }
    try await store.commit(StoreTransaction(.synced, [.insertRun(GatewayBench.record)]))
    var plan = ProjectPlan(name: "load")
    plan.providers = [
      ProviderSpec(
        name: "acme", dialect: .openai, baseURL: environment["NAOS_LOAD_UPSTREAM"] ?? "http://127.0.0.1:9101/v1",
        apiKey: SecretText("sk-x"))
    ]
    plan.prices = [
      PriceSpec(model: "acme/gpt-4o-mini", input: PicoUSDPerToken(150_000), output: PicoUSDPerToken(600_000))
    ]
    plan.budgets = [
      BudgetSpec(scope: .agent(AgentName("load")), window: .day, maxCost: NanoUSD.dollars(1_000_000)),
      BudgetSpec(scope: .global, window: .lifetime, maxCost: NanoUSD.dollars(1_000_000)),
    ]
    let ledger = Ledger(plan: plan, boot: BootID("boot_load"), clock: SystemClock())
    var configuration = GatewayConfiguration(plan: plan)
    configuration.port = 0
    let gateway = try EffectGateway(
      configuration,
      GatewayPorts(
        clock: SystemClock(), random: SystemRandom(), store: store, ledger: ledger, events: EventLog(keeps: false),
        tools: NoTools(), agentCalls: EchoCalls()))
    try await gateway.start()
    func key(_ run: RunID?) async throws -> String {
      try await gateway.openAttempt(
        Caller(agent: AgentName("load"), run: run, step: .main, attempt: AttemptNumber(1)), rewind: 0
      ).access.key.secret
    }
    let words = "\(gateway.boundPort) \(try await key(nil)) \(try await key(GatewayBench.run))\n"
    try Data(words.utf8).write(to: URL(fileURLWithPath: file))
    let clock = SystemClock()
    while FileManager.default.fileExists(atPath: file) {
      try await clock.sleep(until: clock.now() + .milliseconds(200))
    }
    await gateway.shutdown()
    await store.close()
  }
}
