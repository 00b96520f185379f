// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import Synchronization

/// Runs the long-lived process of a service agent once, from its start to its confirmed end.
struct ServiceRunner: Sendable {
  let services: RuntimeServices
  let board: AgentBoard
  let desk: ServiceDesk
  let work: WorkHost

  /// Runs the process; `started` is called once, when it runs and its startup probe, if it has one, has passed.
  func run(_ life: ServiceLife, started: @escaping @Sendable () async -> Void) async -> ChildExit {
    let caller = Caller(agent: life.spec.name, run: nil, step: .main, attempt: life.attempt)
    let access: AttemptAccess
    do {
      access = try await services.boundary.openAttempt(caller, rewind: 0).access
    } catch {
      return .startFailed("the boundary did not open: \(error)")
    }
    let request = HeardRequest()
    let exit = await process(life, caller: caller, access: access, request, started: started)
    let tally = services.boundary.closeAttempt(access.key)
    guard let refusal = tally.refusal, refusal.action != .alert else { return exit }
    switch exit {
    // Also before its startup probe passed: started again, it would run into the same wall.
    case .abnormal, .killed, .startFailed: return .refused(refusal.message)
    case .shutdown where !request.wasHeard: return .refused(refusal.message)
    case .normal, .shutdown, .interrupted, .givenUp, .refused: return exit
    }
  }

  private func process(
    _ life: ServiceLife, caller: Caller, access: AttemptAccess, _ heard: HeardRequest,
    started: @escaping @Sendable () async -> Void
  ) async -> ChildExit {
    let capture = services.captures.capture(of: caller)
    let request = request(for: life, caller, access)
    let monitor = services.health.open(life.spec, caller: caller, request: request)
    defer { services.health.close(monitor, of: caller.agent, on: board) }
    // Where something is asked first, no task is handed over before the answer.
    let isStartProbed = life.spec.health?.startup != nil
    setReady(!isStartProbed && life.spec.health?.readiness == nil, life)
    let process: any LaunchedProcess
    do {
      process = try await services.launcher.launch(request, output: WatchedOutput(capture, monitor))
    } catch {
      _ = await capture.finish()
      return error.isByLostGuard
        ? .interrupted(AttemptRunner.lostGuard) : .startFailed("cannot start: \(error.message)")
    }
    show(life) {
      $0.pid = process.pid
      $0.lastActivity = services.clock.wallNow()
    }
    // A program that is not probed has started when it runs, however soon it ends.
    if !isStartProbed { await started() }
    let exit = await watch(process, life, monitor, heard, started)
    // The next process need not wait for the last lines of this one; the log keeps their order.
    let isHandedOver = work.spawn("log-end:\(request.label)") { _ = await capture.finish() }
    if !isHandedOver { _ = await capture.finish() }
    let ending = Self.ending(exit, life.spec, monitor, wasAsked: heard.wasHeard)
    show(life) {
      $0.pid = nil
      // Whoever waits to be started again is seen with the reason.
      if life.stops.wasRequested == nil { $0.reason = ending.reason }
    }
    return ending
  }

  private func request(for life: ServiceLife, _ caller: Caller, _ access: AttemptAccess) -> LaunchRequest {
    let spec = life.spec
    let environment = AttemptEnvironment(
      inherited: services.inherited, spec: spec, caller: caller, access: access.inside(spec.sandbox), outputPath: nil)
    var request = LaunchRequest(
      arguments: AgentProgram.arguments(of: spec, ownCommand: services.ownCommand),
      environment: environment.variables, workingDirectory: spec.workingDirectory,
      label: "\(life.child)#\(caller.attempt)", ceilings: spec.ceilings,
      enclosure: Enclosure(
        of: spec, caller: caller, access: access, state: services.stateDirectory,
        kept: services.configurationFiles.paths, output: nil))
    if case .wasm(let program) = spec.kind { request.module = program }
    return request
  }

  /// A process that was ended because it was not well did not end as it was asked to, whatever its status says.
  private static func ending(
    _ exit: ProcessExit, _ spec: AgentSpec, _ monitor: HealthMonitor, wasAsked: Bool
  ) -> ChildExit {
    switch monitor.verdict {
    case .startFailed(let reason): return .startFailed(reason)
    case .notAlive(let reason): return .abnormal(reason)
    case nil: break
    }
    if exit.isByLostGuard, !wasAsked { return .interrupted(AttemptRunner.lostGuard) }
    let text = exit.reason(under: spec.ceilings)
    guard monitor.hasStarted || spec.health?.startup == nil || wasAsked else {
      return .startFailed("\(text) before its startup probe passed")
    }
    return childExit(exit, wasAsked: wasAsked, text: text)
  }

  private func watch(
    _ process: any LaunchedProcess, _ life: ServiceLife, _ monitor: HealthMonitor, _ heard: HeardRequest,
    _ started: @escaping @Sendable () async -> Void
  ) async -> ProcessExit {
    let (health, board, agent) = (services.health, board, life.spec.name)
    let isGated = life.spec.health?.startup != nil
    // The supervisor's own machine says when to kill; here its requests are only passed on.
    life.stops.handle { manner in
      monitor.stopping()
      heard.note { process.signal(manner == .kill ? .kill : .terminate) }
    }
    return await monitor.watch(process, shutdown: life.spec.shutdown) { finding in
      health.show(finding, by: monitor, of: agent, on: board)
      switch finding {
      case .started: if isGated { await started() }
      case .ready: setReady(true, life)
      case .notReady, .leaving: setReady(false, life)
      case .startFailed, .notAlive, .stuck, .active: break
      }
    } while: {
      await process.waitForExit()
    }
  }

  private func setReady(_ isReady: Bool, _ life: ServiceLife) {
    if !life.isInstance { desk.setReady(isReady, life.spec.name) }
  }

  private func show(_ life: ServiceLife, _ change: (inout AgentStatus) -> Void) {
    if !life.isInstance { board.update(life.spec.name, change) }
  }

  /// An asked process ends as it was asked to if it leaves with 0, by the signal, or with the code that shells make of it.
  ///
  /// Whoever else sends the signal has asked it as well (`exit(Pid, shutdown)` in OTP); a ceiling has not.
  private static func childExit(_ exit: ProcessExit, wasAsked: Bool, text: String) -> ChildExit {
    switch exit.status {
    case .exited(code: 0): return wasAsked ? .shutdown(text) : .normal
    case .exited(code: 143), .signalled(signal: ProcessSignal.terminate.rawValue):
      return wasAsked || exit.ceiling == nil ? .shutdown(text) : .abnormal(text)
    case .signalled(signal: ProcessSignal.kill.rawValue): return .killed(text)
    case .exited, .signalled: return .abnormal(text)
    }
  }
}

/// Whether a process was told to stop while it was there to hear it.
///
/// One that had ended before ended by itself, though that is known only later.
private final class HeardRequest: Sendable {
  private let isHeard = Mutex(false)

  /// Sends a request; an end that is looked at meanwhile waits for what came of it.
  func note(_ send: () -> Bool) { isHeard.withLock { $0 = send() || $0 } }

  var wasHeard: Bool { isHeard.withLock { $0 } }
}
