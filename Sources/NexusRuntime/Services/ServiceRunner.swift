// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Runs the long-lived process of a service agent once, from its start to its confirmed end.
struct ServiceRunner: Sendable {
  let services: RuntimeServices
  let board: AgentBoard

  func run(_ spec: AgentSpec, attempt: AttemptNumber, stops: AttemptStops) async -> SupervisorMachine.Exit {
    let caller = Caller(agent: spec.name, run: nil, step: .main, attempt: attempt)
    let access: AttemptAccess
    do {
      access = try await services.boundary.openAttempt(caller, rewind: 0).access
    } catch {
      return .startFailed("the boundary did not open: \(error)")
    }
    let exit = await process(spec, caller: caller, access: access, stops: stops)
    let tally = await services.boundary.closeAttempt(access.key)
    if case .abnormal = exit, let refusal = tally.refusal, refusal.action != .alert { return .refused(refusal.message) }
    return exit
  }

  private func process(
    _ spec: AgentSpec, caller: Caller, access: AttemptAccess, stops: AttemptStops
  ) async -> SupervisorMachine.Exit {
    let capture = services.captures.capture(agent: spec.name, run: nil, attempt: caller.attempt)
    let environment = AttemptEnvironment(
      inherited: services.inherited, spec: spec, caller: caller, access: access, outputPath: nil)
    let request = LaunchRequest(
      arguments: AgentProgram.arguments(of: spec, ownCommand: services.ownCommand),
      environment: environment.variables, workingDirectory: spec.workingDirectory,
      label: "\(spec.name)#\(caller.attempt)")
    let process: any LaunchedProcess
    do {
      process = try await services.launcher.launch(request, output: capture)
    } catch {
      _ = await capture.finish()
      return .startFailed("cannot start: \(error.message)")
    }
    board.update(spec.name) {
      $0.pid = process.pid
      $0.state = .running
      $0.lastActivity = services.clock.wallNow()
    }
    let exit = await ShutdownSequence(policy: spec.shutdown, clock: services.clock)
      .waitForExit(of: process, stops: stops)
    board.update(spec.name) { $0.pid = nil }
    _ = await capture.finish()
    return exit.status == .exited(code: 0) ? .normal : .abnormal(exit.status.description)
  }
}
