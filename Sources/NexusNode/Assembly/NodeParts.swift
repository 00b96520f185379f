// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import Logging
internal import NexusAPI
internal import NexusCore
internal import NexusEgress
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime
internal import NexusSandbox
internal import NexusStore
internal import NexusTelemetry
internal import NexusWasm
internal import Synchronization

/// The open parts of a node.
final class NodeParts: Sendable {
  let options: NodeOptions
  let lock: ProjectLock
  let clock: any NexusClock
  let random: any RandomSource
  let boot: BootID
  let startedAt: WallTime
  let store: any Store
  let events: EventHub
  let ledger: Ledger
  let alerts: AlertInbox
  /// Which alerts were told before this node came up.
  let toldAlerts: AlertBook
  let tools: ReloadableTools
  let gateway: EffectGateway
  let logs: AgentLogStore
  let egress: EgressGate
  let launcher: GuardedLauncher
  let wasm: WasmEngine
  let skills: WasmSkillEngine
  let runtime: AgentRuntime
  let trap: TrapRecord
  let slowWork: SlowWork
  let token: String
  let tokens: TokenBook
  let hooks: WebhookQueue
  let audit: AuditDesk
  let meter: NodeMeter
  /// One configuration is read and taken after the other.
  let reloadTurn = ReloadTurn()
  private let present: Mutex<Present>

  private struct Present: Sendable {
    var plan: ProjectPlan
    var operatorPort: Int?
    var stop: (@Sendable () -> Void)?
    var stopWasAsked = false
  }

  init(
    options: NodeOptions, lock: ProjectLock, clock: any NexusClock, random: any RandomSource, boot: BootID,
    startedAt: WallTime, store: any Store, events: EventHub, ledger: Ledger, alerts: AlertInbox,
    toldAlerts: AlertBook, tools: ReloadableTools, gateway: EffectGateway, logs: AgentLogStore,
    egress: EgressGate, launcher: GuardedLauncher, wasm: WasmEngine, skills: WasmSkillEngine,
    runtime: AgentRuntime, trap: TrapRecord, slowWork: SlowWork, token: String, tokens: TokenBook, hooks: WebhookQueue,
    audit: AuditDesk, meter: NodeMeter
  ) {
    self.meter = meter
    self.tokens = tokens
    self.hooks = hooks
    self.options = options
    self.lock = lock
    self.clock = clock
    self.random = random
    self.boot = boot
    self.startedAt = startedAt
    self.store = store
    self.events = events
    self.ledger = ledger
    self.alerts = alerts
    self.toldAlerts = toldAlerts
    self.tools = tools
    self.gateway = gateway
    self.logs = logs
    self.egress = egress
    self.launcher = launcher
    self.wasm = wasm
    self.skills = skills
    self.runtime = runtime
    self.trap = trap
    self.slowWork = slowWork
    self.token = token
    self.audit = audit
    present = Mutex(Present(plan: options.plan))
  }

  /// The configuration that holds now.
  var plan: ProjectPlan { present.withLock { $0.plan } }

  /// Takes a changed configuration; whoever calls it has `reloadTurn`.
  ///
  /// - Parameters:
  ///   - plan: that of the files as they are now.
  ///   - prune: whether agents and supervisors that the files no longer have are stopped.
  func reload(_ plan: ProjectPlan, prune: Bool) async {
    // Nobody is without a budget in between: not who is new, nor who is no longer in the files and still goes on.
    let both = plan.keepingAll(of: self.plan)
    // Those who run still have the secrets of before, which stay known.
    logs.redact(plan.loggedSecrets)
    await countWhatWasSpent(under: both)
    ledger.reconfigure(both)
    tools.reconfigure(both)
    let holds = await runtime.executor.reload(plan, prune: prune)
    await runtime.reload(holds)
    do throws(OperationError) { runtime.gate.reload(try ActionPolicies.judge(of: plan)) } catch {
      // What was checked a moment ago cannot be used: the rules of before go on holding.
      NodeLog.logger.error("the rules about actions are not renewed: \(error)")
    }
    present.withLock { $0.plan = holds }
    ledger.reconfigure(holds)
    tools.reconfigure(holds)
    alerts.put(.look)
    tellOfSecrets(plan)
  }

  /// A limit for a window that nobody counted in holds for all of that window, and not from now on.
  private func countWhatWasSpent(under plan: ProjectPlan) async {
    let fresh = ledger.uncounted(plan.budgets.map { BudgetPlace($0) })
    ledger.watch(fresh, under: plan)
    do throws(StoreError) {
      try await ledger.fill(fresh, from: store)
    } catch {
      NodeLog.logger.warning(
        "what was spent under new budgets could not be read, so they count from now: \(error.message)")
    }
  }

  /// Says which secrets were read, and for what.
  func tellOfSecrets(_ plan: ProjectPlan) {
    var uses = plan.providers.compactMap { provider in provider.secret.map { ($0, "provider \(provider.name)") } }
    for agent in plan.agents { uses += agent.gateSecrets.keys.sorted().map { ($0, "the gate of \(agent.name)") } }
    for (name, purpose) in uses {
      if options.purpose == .project { NodeLog.logger.notice("the secret \(name) was read for \(purpose)") }
      audit.note(AuditRecord(.secretRead, subject: name, details: ["purpose": .string(purpose)]))
      events.publish(.secret(SecretEvent(name: name, purpose: purpose)))
    }
  }

  /// The port of the operator plane, once it listens.
  var operatorPort: Int? {
    get { present.withLock { $0.operatorPort } }
    set { present.withLock { $0.operatorPort = newValue } }
  }

  /// Says how the node is asked to end; if it was asked before, at once.
  func onStop(_ stop: @escaping @Sendable () -> Void) {
    let now = present.withLock { present in
      present.stop = stop
      return present.stopWasAsked
    }
    if now { stop() }
  }

  /// It was asked to go down.
  var isLeaving: Bool { present.withLock { $0.stopWasAsked } }

  func askToStop() {
    let stop = present.withLock { present in
      present.stopWasAsked = true
      return present.stop
    }
    stop?()
  }
}

/// What the kernel says of this boot and this process.
enum KernelBoot {
  /// `/proc/sys/kernel/random/boot_id`: the same as long as the machine has not been restarted.
  ///
  /// Nil where it cannot be read: then nothing says that the machine was not restarted.
  static var identifier: String? {
    guard let bytes = try? Files.read("/proc/sys/kernel/random/boot_id", limit: 256) else { return nil }
    return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
  }

  static var ownPID: Int32 { getpid() }

  /// Whether the process has a controlling terminal: `tty_nr` in `/proc/self/stat`.
  static var hasTerminal: Bool {
    guard let bytes = try? Files.read("/proc/self/stat", limit: 4096) else { return false }
    // The name of the program, in parentheses, may hold anything.
    let rest = String(decoding: bytes, as: UTF8.self).split(separator: ")").last ?? ""
    let fields = rest.split(separator: " ")
    return fields.count > 4 && fields[4] != "0"
  }
}

/// Where the node itself logs: standard error.
enum NodeLog {
  static let logger = Logger(label: "naos") { StreamLogHandler.standardError(label: $0) }
}

extension NodeOptions {
  /// What no log may show.
  var secrets: [String] { plan.loggedSecrets }
}

extension ProjectPlan {
  /// What no log may show.
  var loggedSecrets: [String] {
    providers.compactMap { $0.apiKey?.revealed } + webhooks.map(\.secret.revealed)
      + agents.flatMap { $0.gateSecrets.values.map(\.revealed) }
  }
}
