// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// The effect boundary as a server: agents call models, tools and the node through it, with a key for each attempt.
package final class EffectGateway: EffectBoundary {
  private let services: GatewayServices
  private let configuration: GatewayConfiguration
  private let server = Mutex<GatewayServer?>(nil)

  /// - Throws: `GatewayError` if a provider's URL is not one.
  package init(_ configuration: GatewayConfiguration, _ ports: GatewayPorts) throws(GatewayError) {
    self.configuration = configuration
    services = try GatewayServices(configuration, ports)
  }

  /// Listens; `boundPort` is known from then on.
  package func start() async throws(GatewayError) {
    let started = try await GatewayServer.start(services, configuration)
    server.withLock { $0 = started }
  }

  /// Takes no more calls, gives those under way a short grace, and closes everything.
  package func shutdown() async {
    let running = server.withLock { server in
      defer { server = nil }
      return server
    }
    await running?.stop()
  }

  /// What listens now; nil before `start` and after `shutdown`.
  var current: GatewayServer? { server.withLock { $0 } }

  /// The port of the agent plane; 0 before `start`.
  package var boundPort: Int { server.withLock { $0?.boundPort ?? 0 } }

  /// `http://127.0.0.1:4201`, without a path.
  package var baseURL: String { "http://" + configuration.host + ":" + String(boundPort) }

  /// How many calls are read on although their asker has gone.
  package var abandonedCalls: Int { services.drains.count }

  // MARK: Attempts

  /// - Throws: `StoreError` if the run's record cannot be read or the rewind not be written.
  package func openAttempt(_ caller: Caller, rewind: Int) async throws -> (access: AttemptAccess, dropped: Int) {
    var run: RunSession?
    var dropped = 0
    if let id = caller.run {
      if countsAllSteps(of: caller) { try await services.runs.countCalls(of: id) }
      (run, dropped) = try await services.runs.begin(
        RunKey(run: id, step: caller.step), caller.attempt, rewind: rewind)
    }
    return (admit(caller, run), dropped)
  }

  package func openFirstAttempt(_ caller: Caller) -> AttemptAccess? {
    guard let run = caller.run, !countsAllSteps(of: caller) || services.runs.countsCalls(of: run),
      let session = services.runs.beginFirst(RunKey(run: run, step: caller.step))
    else { return nil }
    return admit(caller, session)
  }

  /// The calls of an agent have a ceiling in each run, and its step is not the only one of its run.
  private func countsAllSteps(of caller: Caller) -> Bool {
    caller.step != .main && services.ledger.loops(of: caller.agent).maxCalls != nil
  }

  private func admit(_ caller: Caller, _ run: RunSession?) -> AttemptAccess {
    let session = AttemptSession(key: services.keys.mint(), caller: caller, run: run, meter: services.meter)
    services.keys.insert(session)
    services.runs.opened(session)
    return AttemptAccess(key: session.key, baseURL: baseURL)
  }

  package func keep(_ reserves: [CompensationReserve], for run: RunID, isForced: Bool) -> BudgetRefusal? {
    services.ledger.keep(reserves, for: run, isForced: isForced)
  }

  package func releaseReserve(of run: RunID) { services.ledger.releaseReserve(of: run) }

  package func tally(of key: VirtualKey) -> AttemptTally? {
    services.keys.session(for: key.secret)?.tally
  }

  package func closeAttempt(_ key: VirtualKey) -> AttemptTally {
    guard let session = services.keys.remove(key) else { return AttemptTally() }
    session.end()
    services.runs.closed(session)
    let tally = session.tally
    if let run = session.run {
      run.end(session.caller.attempt)
      services.settle(run)
    }
    return tally
  }
}
