// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Runs the long-lived process of a service agent once, from its start to its confirmed end.
struct ServiceRunner: Sendable {
  let services: RuntimeServices
  let board: AgentBoard

  /// Runs the process; `started` is called once, when it runs.
  func run(
    _ spec: AgentSpec, attempt: AttemptNumber, stops: AttemptStops, started: @Sendable () async -> Void
  ) async -> ChildExit {
    let caller = Caller(agent: spec.name, run: nil, step: .main, attempt: attempt)
    let access: AttemptAccess
    do {
      access = try await services.boundary.openAttempt(caller, rewind: 0).access
    } catch {
      return .startFailed("the boundary did not open: \(error)")
    }
    let exit = await process(spec, caller: caller, access: access, stops: stops, started: started)
    let tally = await services.boundary.closeAttempt(access.key)
    guard let refusal = tally.refusal, refusal.action != .alert else { return exit }
    switch exit {
    case .abnormal, .killed: return .refused(refusal.message)
    case .normal, .shutdown, .refused, .startFailed: return exit
    }
  }

  private func process(
    _ spec: AgentSpec, caller: Caller, access: AttemptAccess, stops: AttemptStops, started: @Sendable () async -> Void
  ) async -> ChildExit {
    let capture = services.captures.capture(agent: spec.name, run: nil, attempt: caller.attempt)
    let environment = AttemptEnvironment(
      inherited: services.inherited, spec: spec, caller: caller, access: access, outputPath: nil)
    let request = LaunchRequest(
      arguments: AgentProgram.arguments(of: spec, ownCommand: services.ownCommand),
      environment: environment.variables, workingDirectory: spec.workingDirectory,
      label: "\(spec.name)#\(caller.attempt)", ceilings: spec.ceilings)
    let process: any LaunchedProcess
    do {
      process = try await services.launcher.launch(request, output: capture)
    } catch {
      _ = await capture.finish()
      return .startFailed("cannot start: \(error.message)")
    }
    board.update(spec.name) {
      $0.pid = process.pid
      $0.lastActivity = services.clock.wallNow()
    }
    await started()
    // The supervisor's own machine says when to kill; here its requests are only passed on.
    let exit = await ShutdownSequence(policy: .infinity, clock: services.clock).waitForExit(of: process, stops: stops)
    let reason = exit.reason(under: spec.ceilings)
    board.update(spec.name) {
      $0.pid = nil
      // Whoever waits to be started again is seen with the reason.
      if stops.wasRequested == nil { $0.reason = reason }
    }
    _ = await capture.finish()
    return Self.childExit(exit.status, asked: stops.wasRequested, text: reason)
  }

  /// An asked process ends as it was asked to if it leaves with 0, by the signal, or with the code that shells make of it.
  static func childExit(_ status: ExitStatus, asked: AttemptStops.Manner?, text: String) -> ChildExit {
    switch status {
    case .exited(code: 0): return asked == nil ? .normal : .shutdown(text)
    case .exited(code: 143), .signalled(signal: ProcessSignal.terminate.rawValue):
      return asked == nil ? .abnormal(text) : .shutdown(text)
    case .signalled(signal: ProcessSignal.kill.rawValue): return .killed(text)
    case .exited, .signalled: return .abnormal(text)
    }
  }
}
