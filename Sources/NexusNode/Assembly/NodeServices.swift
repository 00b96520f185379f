// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import Logging
package import NexusAPI
internal import NexusCore
internal import NexusEgress
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime
internal import NexusSandbox
internal import NexusServer
internal import NexusStore
internal import NexusWasm
internal import ServiceLifecycle
internal import UnixSignals

extension Node {
  /// Runs the node until it is asked to end, then takes it down in order: the store goes last.
  ///
  /// - Parameters:
  ///   - handlesSignals: SIGTERM and SIGINT end it gracefully, a second one at once; false where the caller handles
  ///     them.
  ///   - recovers: unfinished runs of the node before go on.
  ///   - leaving: called once, when the first signal has come.
  ///   - ready: called once, when everything listens and recovery has begun.
  /// - Throws: `OperationError` if a listener fails.
  package func run(
    handlesSignals: Bool, recovers: Bool, leaving: @escaping @Sendable () -> Void = {},
    ready: @escaping @Sendable (NodeStatus) async -> Void
  ) async throws {
    let parts = parts
    if recovers { await parts.runtime.executor.expectRecovery() }
    // Order is dependence: what stands first is started first and stopped last.
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
      .init(service: StateWatch(state: parts.options.state, lock: parts.lock, clock: parts.clock)),
      .init(service: StoreService(parts: parts)),
      .init(service: AuditService(parts: parts)),
      // Behind the store, so that it still tells of the last calls.
      .init(service: AlertService(parts: parts), successTerminationBehavior: .ignore),
      // Behind the launcher: what the last agents did is told when they have ended.
      .init(service: EgressService(parts: parts)),
      .init(service: LauncherService(parts: parts), failureTerminationBehavior: .gracefullyShutdownGroup),
      .init(service: GatewayService(parts: parts)),
      .init(
        service: RuntimeService(parts: parts, recovers: recovers), failureTerminationBehavior: .gracefullyShutdownGroup),
    ]
    if handlesSignals {
      services.insert(.init(service: ImpatienceService(clock: parts.clock, leaving: leaving)), at: 0)
      services.append(.init(service: HangUpService(parts: parts, operations: operations)))
    }
    services.append(.init(service: WebhookService(parts: parts), failureTerminationBehavior: .ignore))
    if let telemetry = TelemetryService(parts: parts, operations: operations) {
      services.append(.init(service: telemetry, failureTerminationBehavior: .ignore))
    }
    services.append(
      .init(
        service: OperatorService(parts: parts, operations: operations, ready: ready),
        successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .gracefullyShutdownGroup))
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services, gracefulShutdownSignals: handlesSignals ? [.sigterm, .sigint] : [],
        logger: Logger(label: "naos.lifecycle") { _ in SwiftLogNoOpLogHandler() }))
    parts.onStop { [weak group] in
      guard let group else { return }
      ShutdownTrigger.fire(group)
    }
    defer { parts.lock.release() }
    try await group.run()
    let faults = parts.audit.faults
    guard faults.isEmpty else { throw OperationError.brokenAudit(faults) }
  }
}

private struct StoreService: Service {
  let parts: NodeParts

  func run() async throws {
    try await gracefulShutdown()
    parts.events.close()
    await parts.audit.closeWithStore()
  }
}

private struct AuditService: Service {
  let parts: NodeParts

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await parts.audit.run { parts.askToStop() }
      // Whatever it did is done; a service that returns would end the others.
      try? await gracefulShutdown()
    }
  }
}

private struct EgressService: Service {
  let parts: NodeParts

  func run() async throws {
    try await gracefulShutdown()
    await parts.egress.shutDown()
  }
}

private struct LauncherService: Service {
  /// A file system that does not answer until then holds no node up.
  private static let slowest = Duration.seconds(1)
  let parts: NodeParts

  func run() async throws {
    try parts.launcher.start()
    await cancelWhenGracefulShutdown {
      await parts.skills.keepSpare()
      // Until it is shut down; a service that returns would end the others.
      try? await gracefulShutdown()
    }
    await parts.skills.shutDown()
    await parts.launcher.shutDown()
    parts.wasm.shutDown()
    // What the last agents missed is told before the audit log ends.
    await parts.slowWork.finish(within: Self.slowest, parts.clock)
  }
}

private struct GatewayService: Service {
  let parts: NodeParts

  func run() async throws {
    try await gracefulShutdown()
    await parts.gateway.shutdown()
  }
}

private struct RuntimeService: Service {
  let parts: NodeParts
  let recovers: Bool

  func run() async throws {
    let runtime = parts.runtime
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask(name: "runtime") { await runtime.run() }
      if recovers {
        let recovery = try await runtime.executor.recover(trapped: parts.trap.trappedRun)
        for (run, error) in recovery.unreadable { NodeLog.logger.error("\(run) cannot go on: \(error.message)") }
      }
      await runtime.start(services: recovers)
      await runtime.approvals.start()
      if recovers {
        try await runtime.startSchedules()
        runtime.executor.beginRetention {
          NodeLog.logger.error("runs that are over cannot be removed: \($0.message)")
        }
      }
      try await gracefulShutdown()
      await runtime.shutdown()
      try await group.waitForAll()
    }
  }
}

/// A second SIGINT or SIGTERM: whoever asks twice does not wait for agents that take their time, or for ever.
///
/// It is the first to start and so the last to stop. The guard ends every agent when the node is gone.
private struct ImpatienceService: Service {
  /// `timeout` and other wrappers send one SIGTERM twice; a person who asks again takes longer.
  private static let echo = Duration.seconds(1)
  let clock: any NexusClock
  let leaving: @Sendable () -> Void

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    await cancelWhenGracefulShutdown {
      var asked: Instant?
      for await signal in signals {
        if let asked {
          if signal == .sigint || clock.now() - asked >= Self.echo { _exit(130) }
        } else {
          asked = clock.now()
          leaving()
        }
      }
    }
  }
}

/// SIGHUP: without a terminal it asks for a reload, as of every daemon; with one the terminal is gone.
private struct HangUpService: Service {
  let parts: NodeParts
  let operations: any NodeOperations
  /// Asked at the start: a terminal that hangs up is no longer that of the process when the signal comes.
  private let hasTerminal = KernelBoot.hasTerminal

  init(parts: NodeParts, operations: any NodeOperations) {
    self.parts = parts
    self.operations = operations
  }

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sighup)
    await cancelWhenGracefulShutdown {
      for await _ in signals {
        // A service that returns would end the others without their good order.
        if hasTerminal { parts.askToStop() } else { await reload() }
      }
    }
  }

  private func reload() async {
    do throws(OperationError) {
      let report = try await operations.reload(prune: false, dryRun: false)
      NodeLog.logger.notice("SIGHUP: \(report.changes.count) changes of the configuration are taken")
      for change in report.changes {
        NodeLog.logger.notice(
          "\(change.subject) \(change.name) \(change.kind)\(change.detail.isEmpty ? "" : " (\(change.detail))"): \(change.applies)"
        )
      }
    } catch {
      NodeLog.logger.error("SIGHUP: \(error)")
    }
  }
}

private struct OperatorService: Service {
  let parts: NodeParts
  let operations: any NodeOperations
  let ready: @Sendable (NodeStatus) async -> Void

  func run() async throws {
    let server = OperatorServer(
      configuration: OperatorServer.Configuration(
        host: parts.options.plan.server.host,
        port: parts.options.purpose == .project ? parts.options.plan.server.port : nil,
        socketPath: parts.options.state.socket, token: parts.token, version: NaosVersion.current, boot: parts.boot,
        sessionFile: parts.options.purpose == .project ? parts.options.state.sessions : nil,
        dashboardFolder: parts.options.environment.first { $0.name == "NAOS_DASHBOARD_DIR" }?.value,
        named: { [tokens = parts.tokens] in tokens.identity(of: $0) }),
      operations: operations, audit: parts.audit, meter: parts.meter, clock: parts.clock, random: parts.random,
      logger: NodeLog.logger)
    try await cancelWhenGracefulShutdown {
      try await server.run { port in
        parts.operatorPort = port
        await ready(StatusReports.node(parts))
      }
    }
  }
}
