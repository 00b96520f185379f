// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// One try of a task: a process from its start to its confirmed end, and what it came to.
package struct AttemptRunner: Sendable {
  /// The largest output of a run: an entry of the journal, less what stands around it.
  static let maxOutputBytes = 4 * 1024 * 1024 - 64 * 1024

  /// Why a process ended that the node's own guard took along.
  static let lostGuard = "the guard process of the node died"

  /// What an attempt came to.
  package struct Report: Sendable {
    package var end: AttemptEnd
    let output: JSONValue?
    let dropped: Int
  }

  let services: RuntimeServices
  let board: AgentBoard

  package init(services: RuntimeServices, board: AgentBoard) {
    self.services = services
    self.board = board
  }

  /// Runs the attempt to its end.
  ///
  /// It always returns a report; what goes wrong is the report's outcome.
  package func run(_ order: Order, stops: AttemptStops, opened: @Sendable (VirtualKey) -> Void) async -> Report {
    let caller = order.caller
    if let refusal = services.schemaChecks.refusal(of: order.input, for: order.agent) {
      return Report(end: AttemptEnd(outcome: .crashed(refusal)), output: nil, dropped: 0)
    }
    let opening: (access: AttemptAccess, dropped: Int)
    do {
      opening = try await services.boundary.openAttempt(caller, rewind: order.rewind)
    } catch {
      return Report(
        end: AttemptEnd(outcome: .interrupted("the boundary did not open: \(error)")), output: nil, dropped: 0)
    }
    opened(opening.access.key)
    let came = await process(order, caller: caller, access: opening.access, stops: stops)
    let (outcome, output) = services.schemaChecks.judged(came.0, came.1, of: order.agent)
    let tally = services.boundary.closeAttempt(opening.access.key)
    let end = AttemptEnd(
      outcome: Self.withBudget(outcome, output, tally.refusal).asRecorded(tally), passed: tally.passed,
      replayed: tally.replayed,
      tokens: tally.tokens, cost: tally.cost)
    return Report(end: end, output: output, dropped: opening.dropped)
  }

  /// An attempt that ends badly after a budget refused it did not crash: it was stopped.
  private static func withBudget(
    _ outcome: AttemptOutcome, _ output: JSONValue?, _ refusal: BudgetRefusal?
  ) -> AttemptOutcome {
    guard let refusal, refusal.action != .alert else { return outcome }
    switch outcome {
    // What is forbidden ends the run, whatever the agent made of it.
    case .succeeded where refusal.endsRun: return .budgetStopped(refusal)
    // It was told, and went on to something that has to wait.
    case .askedRetry where refusal.reason == .policy && !refusal.endsRun: return outcome
    // Asked to end by its budget, it left politely (exit 0) and without a result.
    case .succeeded where refusal.action == .pause && (output ?? .null).isNothing: return .budgetStopped(refusal)
    case .crashed, .askedRetry: return .budgetStopped(refusal)
    case .succeeded, .interrupted, .budgetStopped, .cancelled, .timedOut: return outcome
    }
  }

  private func process(
    _ order: Order, caller: Caller, access: AttemptAccess, stops: AttemptStops
  ) async -> (AttemptOutcome, JSONValue?) {
    let directory = "\(services.stateDirectory)/runs/\(order.directory)"
    // The folder that an agent in a sandbox writes to is the sandbox's own; here is what was left in it.
    let isBoxed = order.spec.sandbox != nil
    let outputPath = directory + (isBoxed ? "/left" : "/output")
    defer { if isBoxed { try? Files.remove(outputPath) } }
    let capture = services.captures.capture(of: caller)
    let request = request(order, caller: caller, access: access, outputPath: outputPath)
    let monitor = services.health.open(order.spec, caller: caller, request: request)
    defer { services.health.close(monitor, of: order.spec.name, on: board) }
    let process: any LaunchedProcess
    do {
      try Files.makeDirectory(directory, mode: 0o700)
      try Files.remove(outputPath)
      if isBoxed { try LeftOutput.prepare(outputPath) }
      process = try await services.launcher.launch(request, output: WatchedOutput(capture, monitor))
    } catch {
      _ = await capture.finish()
      if let error = error as? LaunchError, error.isByLostGuard { return (.interrupted(Self.lostGuard), nil) }
      return (.crashed(Self.startError(error, order.spec)), nil)
    }
    board.update(order.spec.name) {
      $0.pid = process.pid
      $0.lastActivity = services.clock.wallNow()
      if $0.state == .starting, order.spec.health?.startup == nil { $0.state = .running }
    }
    let exit = await waitForExit(of: process, order, monitor, stops)
    board.update(order.spec.name) { if $0.pid == process.pid { $0.pid = nil } }
    let captured = await capture.finish()
    if let verdict = monitor.verdict {
      // Whatever it made of being asked to end: it did not do its work.
      await capture.disclose()
      let message = "the agent was ended: \(verdict.reason)"
      return (.crashed(RunError(code: "NX-AGT-015", message: message)), nil)
    }
    let left = Self.left(at: outputPath, isBoxed: isBoxed)
    let (outcome, output) = Self.result(of: exit, order.spec, captured, left)
    if output == nil || left != .none { await capture.disclose() }
    return (outcome, output)
  }

  /// Waits for the end of the process, which its own health may bring about.
  private func waitForExit(
    of process: any LaunchedProcess, _ order: Order, _ monitor: HealthMonitor, _ stops: AttemptStops
  ) async -> ProcessExit {
    let (health, board, agent) = (services.health, board, order.spec.name)
    let sequence = ShutdownSequence(policy: order.spec.shutdown, clock: services.clock) { monitor.stopping() }
    return await monitor.watch(process, shutdown: order.spec.shutdown) { finding in
      health.show(finding, by: monitor, of: agent, on: board)
    } while: {
      await sequence.waitForExit(of: process, stops: stops)
    }
  }

  private func request(
    _ order: Order, caller: Caller, access: AttemptAccess, outputPath: String
  ) -> LaunchRequest {
    let environment = AttemptEnvironment(
      inherited: services.inherited, spec: order.spec, caller: caller, access: access.inside(order.spec.sandbox),
      outputPath: order.spec.sandbox == nil ? outputPath : Enclosure.output + "/output",
      idempotencyKey: order.idempotencyKey, feedback: order.feedback)
    var request = LaunchRequest(
      arguments: AgentProgram.arguments(of: order.spec, ownCommand: services.ownCommand),
      environment: environment.variables, workingDirectory: order.spec.workingDirectory,
      standardInput: Self.inputBytes(order.input), label: "\(order.spec.name)#\(order.attempt)",
      ceilings: order.spec.ceilings,
      enclosure: Enclosure(
        of: order.spec, caller: caller, access: access, state: services.stateDirectory,
        kept: services.configurationFiles.paths,
        output: Enclosure.Output(path: outputPath, limit: Self.maxOutputBytes)))
    if case .wasm(let program) = order.spec.kind { request.module = program }
    return request
  }

  /// Text goes to the agent as it was given, everything else as JSON.
  static func inputBytes(_ input: JSONValue) -> [UInt8] {
    switch input {
    case .null: []
    case .string(let text): Array(text.utf8)
    default: input.encoded()
    }
  }

  private static func startError(_ error: any Error, _ spec: AgentSpec) -> RunError {
    if let launch = error as? LaunchError {
      switch launch.stage {
      case .ceiling:
        return RunError(
          code: "NX-AGT-014", message: "agent \(spec.name) is not started: \(launch.message)", isRetryable: false)
      case .enclosure:
        return RunError(
          code: "NX-SBX-001", message: "agent \(spec.name) is not started: \(launch.message)", isRetryable: false)
      case .module:
        return RunError(
          code: launch.code ?? "NX-SBX-056", message: "agent \(spec.name) is not started: \(launch.message)",
          isRetryable: launch.isRetryable)
      case .lookup, .exec, .workingDirectory:
        return RunError(
          code: "NX-AGT-002", message: "agent \(spec.name) cannot start: \(launch.message)", isRetryable: false)
      case .standardStreams, .fork, .launcher:
        return RunError(code: "NX-AGT-003", message: "agent \(spec.name) could not be started: \(launch.message)")
      }
    }
    return RunError(code: "NX-AGT-003", message: "agent \(spec.name) could not be started: \(error)")
  }

  private static func result(
    of exit: ProcessExit, _ spec: AgentSpec, _ captured: CapturedOutput, _ left: LeftOutput
  ) -> (AttemptOutcome, JSONValue?) {
    if exit.isByLostGuard { return (.interrupted(lostGuard), nil) }
    if let failure = exit.failure {
      let error = RunError(code: failure.code, message: failure.message, isRetryable: failure.isRetryable)
      return (.crashed(error), nil)
    }
    switch exit.status {
    case .exited(code: 0): return output(captured, left)
    case .exited(code: 75):
      let error = RunError(code: "NX-AGT-004", message: "the agent asked to be tried again (exit 75)", exit: 75)
      return (.askedRetry(error), nil)
    case _ where exit.ceiling != nil:
      let reason = exit.reason(under: spec.ceilings)
      return (.crashed(RunError(code: "NX-AGT-001", message: "the agent ended (\(reason))")), nil)
    case .exited(let code):
      let message = LastWords.appended(to: "the agent exited with code \(code)", captured)
      return (.crashed(RunError(code: "NX-AGT-001", message: message, exit: code)), nil)
    case .signalled(let signal):
      let message = LastWords.appended(
        to: "the agent was ended by signal \(signal)", captured, lead: "; the last that it wrote")
      return (.crashed(RunError(code: "NX-AGT-001", message: message)), nil)
    }
  }

  private static func left(at path: String, isBoxed: Bool) -> LeftOutput {
    if isBoxed { return LeftOutput.read(path, limit: maxOutputBytes) }
    guard Files.exists(path) else { return .none }
    do throws(FileError) {
      // A link could name a file that the node may read and the agent may not.
      return .bytes(try Files.read(path, limit: maxOutputBytes, followsLink: false))
    } catch {
      return .refused(error.message)
    }
  }

  private static func output(_ captured: CapturedOutput, _ left: LeftOutput) -> (AttemptOutcome, JSONValue?) {
    let bytes: [UInt8]
    switch left {
    case .bytes(let written): bytes = written
    case .refused(let why): return (unusable(why), nil)
    case .none where captured.overflowed: return (tooLarge("larger than \(maxOutputBytes) bytes"), nil)
    case .none: bytes = captured.standardOutput
    }
    let value = value(of: bytes)
    // What the journal keeps is the encoded form, which escapes can make larger than what was written.
    guard value.encoded().count <= maxOutputBytes else {
      return (tooLarge("as JSON larger than \(maxOutputBytes) bytes"), nil)
    }
    return (.succeeded, value)
  }

  /// JSON if it parses, else text.
  ///
  /// Text that is not UTF-8 is repaired, not refused: the agent did its work.
  private static func value(of bytes: [UInt8]) -> JSONValue {
    if let value = try? JSONValue(parsing: bytes) { return value }
    var text = bytes[...]
    while let last = text.last, last == 0x0A || last == 0x0D { text.removeLast() }
    return .string(String(decoding: text, as: UTF8.self))
  }

  private static func tooLarge(_ why: String) -> AttemptOutcome { unusable("it is \(why)") }

  private static func unusable(_ why: String) -> AttemptOutcome {
    .crashed(RunError(code: "NX-AGT-005", message: "the agent's output cannot be taken: \(why)", isRetryable: false))
  }
}

/// The program behind an agent.
enum AgentProgram {
  static func arguments(of spec: AgentSpec, ownCommand: [String]) -> [String] {
    switch spec.kind {
    case .process(let command): command
    case .llm: ownCommand + ["__llm-agent"]
    // A command finds its own name first, as everywhere.
    case .wasm(let program): [String(program.source.split(separator: "/").last ?? "")]
    }
  }
}
