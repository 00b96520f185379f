// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import Logging
package import NexusAPI
internal import NexusAudit
internal import NexusCore
internal import NexusEgress
internal import NexusGateway
internal import NexusHTTP
internal import NexusKernel
internal import NexusRuntime
internal import NexusSandbox
internal import NexusServer
internal import NexusStore
internal import NexusStoreSQLite
internal import NexusTelemetry
internal import NexusWasm

/// One node of a project, put together from its parts: the only place that sees all of them.
package final class Node: Sendable {
  package let operations: any NodeOperations
  let parts: NodeParts

  private init(parts: NodeParts, operations: LocalOperations) {
    self.parts = parts
    self.operations = operations
  }

  /// Takes the project's lock, opens its store, takes up its budgets and listens on the agent plane.
  ///
  /// Nothing runs yet; what was opened is closed again if a later step fails.
  ///
  /// - Throws: `OperationError`: another node holds the project, the store cannot be opened, a port is taken.
  package static func open(_ options: NodeOptions) async throws(OperationError) -> Node {
    let parts: NodeParts
    do {
      // Before any secret is read: no other process of this user may look into the node's memory.
      try ProcessHardening.makeUndumpable()
      try ProcessHardening.ignoreBrokenPipes()
      try ProcessHardening.raiseFileLimit()
      try options.state.prepare()
      let lock = try ProjectLock.take(options.state)
      do {
        parts = try await assemble(options, lock: lock)
      } catch {
        lock.release()
        throw error
      }
    } catch {
      throw OperationError(opening: error, options: options)
    }
    parts.tellOfSecrets(options.plan)
    return Node(parts: parts, operations: LocalOperations(parts: parts))
  }

  /// How many runs are under way here.
  package var runsUnderWay: Int { get async { await parts.runtime.executor.residentRuns } }

  /// It was asked to go down.
  package var isLeaving: Bool { parts.isLeaving }

  /// Waits until no run is under way here.
  package func waitUntilIdle() async { await parts.runtime.executor.waitUntilIdle() }

  /// Goes down without waiting for the runs under way here: the next node goes on with them.
  package func handOver() { parts.askToStop() }

  private static func assemble(_ options: NodeOptions, lock: ProjectLock) async throws -> NodeParts {
    let clock = SystemClock()
    let random = SystemRandom()
    let ids = IdentifierSource(clock: clock, random: random)
    let state = options.state
    try state.prepareDatabase()
    let (opening, meter) = (try AuditOpening(options, random: random), NodeMeter())
    let store = try await SQLiteStore.open(
      path: state.database, durability: options.plan.durability == .sync ? .sync : .relaxed, clock: clock,
      seal: AuditSeal(opening.key), meter: meter)
    do {
      let boot = ids.boot()
      let audit = AuditDesk(
        opening, anchors: try await opening.open(store), store: store, plan: options.plan, boot: boot, clock: clock,
        random: random)
      try await audit.begin()
      let trap = try TrapRecord(state)
      let events = EventHub()
      audit.watch(events)
      let kernelBoot = KernelBoot.identifier ?? boot.text
      let overlay = try PriceFiles.read(options.project)
      let alerts = AlertInbox()
      let toldAlerts = try AlertFormat.book(try await store.components(.alert))
      let ledger = Ledger(plan: options.plan, overlay: overlay, boot: boot, clock: clock) { notice in
        if case .threshold(let alert) = notice { return alerts.put(.alert(alert)) }
        NodeLog.logger.notice("\(notice)")
      }
      try await ledger.restore(from: store, kernelBoot: kernelBoot, identifiers: ids)
      let startedAt = clock.wallNow()
      try await store.commit(StoreTransaction(.synced, [.insertBoot(Self.row(boot, startedAt, kernelBoot))]))
      let tokens = try await TokenBook(store: store, clock: clock, ids: ids)
      try tokens.check(options.plan)
      let judge = try ActionPolicies.judge(of: options.plan)
      let (agentCalls, gate, streams) = (DeferredAgentCalls(), DeferredGate(), DeferredStreams())
      let tools = ReloadableTools(plan: options.plan, project: options.project, client: HTTPClient())
      var ports = GatewayPorts(
        clock: clock, random: random, store: store, ledger: ledger, events: events, tools: tools,
        agentCalls: agentCalls, notice: { NodeLog.logger.notice("\($0)") }, streams: streams.tell)
      (ports.gate, ports.meter, ports.hasFiles) = (gate, meter, { OpenFiles.allow(2) })
      let logs = Self.logs(options, clock: clock, events: events)
      let reports = SandboxReports(audit: audit, logs: logs, events: events)
      (ports.denials, ports.refusals) = (reports.denied, { audit.note(AuditRecord($0, shown: logs.shown($0.subject))) })
      let gateway = try await startGateway(options, ports)
      let egress = Self.egress(reports, clock, random)
      let launcher = GuardedLauncher(clock: clock, random: random, doors: NodeDoors(plane: gateway, egress: egress))
      let wasm = WasmEngine(launcher, options, clock: clock, random: random)
      let skills = Self.skills(of: wasm, for: tools, reports, gateway, clock)
      var services = services(
        options, store: store, gateway: gateway, wasm: wasm, egress: egress, reports: reports, clock: clock, ids: ids)
      let hooks = WebhookQueue()
      (services.actions, services.meter, services.budgets) = (judge, meter, ActionPolicies.standing(in: ledger))
      (services.approvalNews, services.auditBegunAt) = ({ hooks.take($0) }, try await opening.renewedAt(store))
      let runtime = AgentRuntime(
        plan: options.plan, services: services, zones: ZoneRules.named(_:),
        hash: { DefinitionHash(SHA256.hash(data: $0).hexadecimal) })
      streams.connect(services.health)
      agentCalls.connect(runtime.agentCalls)
      gate.connect(runtime.gate)
      try await runtime.prepare()
      return NodeParts(
        options: options, lock: lock, clock: clock, random: random, boot: boot, startedAt: startedAt, store: store,
        events: events, ledger: ledger, alerts: alerts, toldAlerts: toldAlerts, tools: tools, gateway: gateway,
        logs: logs, egress: egress, launcher: launcher, wasm: wasm, skills: skills, runtime: runtime, trap: trap,
        slowWork: reports.slowWork, token: try state.operatorToken(ids: ids), tokens: tokens, hooks: hooks,
        audit: audit, meter: meter)
    } catch {
      await store.close()
      throw error
    }
  }

  private static func row(_ boot: BootID, _ startedAt: WallTime, _ kernelBoot: String) -> BootRow {
    BootRow(
      id: boot, pid: KernelBoot.ownPID, startedAt: startedAt, kernelBoot: kernelBoot, version: NaosVersion.current)
  }

  private static func logs(_ options: NodeOptions, clock: SystemClock, events: EventHub) -> AgentLogStore {
    AgentLogStore(
      directory: options.state.logs, secrets: options.secrets, clock: clock, events: events
    ) { NodeLog.logger.error("\($0)") }
  }

  private static func skills(
    of wasm: WasmEngine, for tools: ReloadableTools, _ reports: SandboxReports, _ gateway: EffectGateway,
    _ clock: SystemClock
  ) -> WasmSkillEngine {
    let skills = WasmSkillEngine(engine: wasm)
    tools.connect(skills, reports, clock: clock) { gateway.baseURL }
    return skills
  }

  private static func services(
    _ options: NodeOptions, store: any Store, gateway: EffectGateway, wasm: WasmEngine, egress: EgressGate,
    reports: SandboxReports, clock: SystemClock, ids: IdentifierSource
  ) -> RuntimeServices {
    let launcher = TrustingLauncher(base: WasmLauncher(wasm), egress: egress, folder: options.state.trust)
    var services = RuntimeServices(
      store: store, boundary: gateway,
      launcher: ReportingLauncher(base: launcher, watcher: reports, slowWork: reports.slowWork),
      captures: LogCaptures(logs: reports.logs), probes: HTTPProbeClient(clock: clock), clock: clock, ids: ids,
      events: reports.events,
      stateDirectory: options.state.directory, inherited: options.inherited, ownCommand: [options.executable],
      atWork: { run, body in ProcessHardening.atWork(on: run.text, body) })
    services.gate = SchemaGates()
    services.judge = ValidatorJudge()
    return services
  }

  /// The way out of sandboxes, with what the agent plane leaves of the open files.
  private static func egress(
    _ reports: SandboxReports, _ clock: SystemClock, _ random: any RandomSource
  ) -> EgressGate {
    var (limits, plane) = (EgressLimits(), GatewayLimits())
    plane.fit(openFiles: ProcessHardening.fileLimit)
    limits.fit(openFiles: ProcessHardening.fileLimit - 2 * plane.connections)
    return EgressGate(
      watcher: reports, clock: clock, random: random, limits: limits, hasFiles: { OpenFiles.allow(2) })
  }

  /// The agent plane at its port; any free one where the configuration leaves that open.
  private static func startGateway(_ options: NodeOptions, _ ports: GatewayPorts) async throws -> EffectGateway {
    var configuration = GatewayConfiguration(plan: options.plan)
    if options.purpose == .singleRun { configuration.port = 0 }
    configuration.limits.fit(openFiles: ProcessHardening.fileLimit)
    let gateway = try EffectGateway(configuration, ports)
    do {
      try await gateway.start()
      return gateway
    } catch {
      guard error.code == .cannotListen, options.plan.server.agentPort == nil, configuration.port != 0 else {
        throw error
      }
      configuration.port = 0
      let anywhere = try EffectGateway(configuration, ports)
      try await anywhere.start()
      return anywhere
    }
  }
}

extension SHA256.Digest {
  var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
