// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusHTTP
internal import NexusKernel
internal import NexusNode

/// The one place where commands get at a node: the running one through its socket, one of their own, or the store.
package enum NodeAccess {
  /// How a node is run in the foreground.
  package struct UpOptions: Sendable {
    package var project: ProjectFolder
    package var console: Console

    package init(project: ProjectFolder, console: Console) {
      self.project = project
      self.console = console
    }
  }

  /// Lets `body` ask the running node.
  ///
  /// - Parameters:
  ///   - project: whose.
  ///   - token: a named one; nil for the owner's.
  ///   - body: what is asked.
  /// - Throws: `OperationError` of kind `unreachable` if no node runs.
  /// - Returns: what `body` returns.
  package static func running<Result: Sendable>(
    _ project: ProjectFolder, token: String? = nil, _ body: @Sendable (RemoteNode) async throws -> Result
  ) async throws -> Result {
    guard Files.exists(project.socket) else {
      throw OperationError.unreachable("There is no node of the project in \(project.path).")
    }
    let followers = FollowerGroup()
    let transport = SocketTransport(socket: project.socket, token: try token ?? project.operatorToken())
    return try await followers.following {
      try await body(RemoteNode(transport: transport, followers: followers))
    }
  }

  private enum Presence {
    case answers, absent
    /// Somebody listens on the project's socket, and says nothing.
    case silent
  }

  private static func presence(_ project: ProjectFolder) async -> Presence {
    guard Files.exists(project.socket), let token = try? project.operatorToken() else { return .absent }
    let transport = SocketTransport(socket: project.socket, token: token)
    do throws(OperationError) {
      let answer = try await transport.send("GET", "/healthz", body: [], timeout: .seconds(5))
      return answer.status == 200 ? .answers : .absent
    } catch {
      return error.kind == .timeout ? .silent : .absent
    }
  }

  /// Whether a node answers on the project's socket.
  package static func isRunning(_ project: ProjectFolder) async -> Bool { await presence(project) == .answers }

  /// Lets `body` ask the running node, or the store if no node runs: for commands that only read.
  ///
  /// A node may go while it is asked; `body` is then done again, so it must show nothing before it has its answer.
  ///
  /// - Parameters:
  ///   - project: whose.
  ///   - console: where what is wrong with the configuration is said, by commands that show what was done rather than
  ///     what is configured; without one a configuration with errors is refused.
  ///   - body: what is asked.
  /// - Throws: what `body` throws, or what keeps it from being asked.
  /// - Returns: what `body` returns.
  package static func reading<Result: Sendable>(
    _ project: ProjectFolder, warning console: Console? = nil,
    _ body: @Sendable (any NodeOperations) async throws -> Result
  ) async throws -> Result {
    var passed = 0
    while true {
      switch await presence(project) {
      case .answers:
        do {
          return try await running(project) { try await body($0) }
        } catch let error as OperationError where error.kind == .unreachable && passed < passingNodes {
          // It was there a moment ago: whoever comes after it knows what it knew, and so does the store.
          passed += 1
        }
      case .absent:
        return try await body(try await stored(project, warning: console))
      case .silent:
        // What the store says is not how things are: the agents of such a node run on.
        let holder = ProjectLock.holder(ProjectState(project: project.path)).map { "process \($0)" } ?? "a process"
        throw OperationError(
          .timeout, code: "NX-API-018", title: "The node did not answer in time",
          detail: "The node of \(project.path) is \(holder), and it has said nothing for 5 s.",
          hint: "Is it stopped (`kill -CONT`), or the machine overloaded? Once it is gone, `naos up -d` goes on.")
      }
    }
  }

  /// How many nodes may go while a command asks them before it gives up.
  private static let passingNodes = 3

  private static func stored(_ project: ProjectFolder, warning console: Console?) async throws -> StoredOperations {
    let result = project.load()
    guard result.plan == nil else {
      return try await StoredOperations.open(plan: result.sketch, project: project.path)
    }
    guard let console else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    CommandFailure.warn(result.diagnostics, files: result.files, on: console)
    return try await StoredOperations.open(plan: result.sketch, project: project.path, isSketch: true)
  }

  /// Lets `body` start runs: on the running node, or on one of its own for as long as `body` takes.
  ///
  /// A node of another command may come or go at any moment; `body` is then done again, so starting must be safe to
  /// repeat (an idempotency key makes it so).
  package static func executing<Result: Sendable>(
    _ project: ProjectFolder, console: Console, _ body: @escaping @Sendable (any NodeOperations) async throws -> Result
  ) async throws -> Result {
    let clock = SystemClock()
    var deadline: Instant?
    var successorUntil: Instant?
    var hasMetNode = false
    while true {
      let began = clock.now()
      do {
        if await isRunning(project) {
          (successorUntil, hasMetNode) = (nil, true)
          return try await running(project) { try await body($0) }
        }
        // The node that the runs were handed over to is about to come.
        if let until = successorUntil, clock.now() < until {
          try await clock.sleep(until: clock.now() + .milliseconds(25))
          continue
        }
        let node = try await Node.open(try nodeOptions(project, purpose: .singleRun))
        return try await alone(node, saysWaiting: !hasMetNode, console: console, body)
      } catch is HandedOver {
        (successorUntil, hasMetNode) = (clock.now() + handOverPatience, true)
      } catch let error as OperationError where isOfPassingNode(error) {
        // Who was served for a while has met another node than the one of before.
        if clock.now() - began > handOverPatience { deadline = nil }
        let until = deadline ?? clock.now() + handOverPatience
        deadline = until
        guard clock.now() < until else { throw error }
        try await clock.sleep(until: clock.now() + .milliseconds(25))
      }
    }
  }

  /// How long a command tries to join a node or to become one while others come and go.
  private static let handOverPatience = Duration.seconds(10)

  /// The node went before it answered, or holds the project and does not answer yet.
  static func isOfPassingNode(_ error: OperationError) -> Bool {
    ["NX-API-006", "NX-RUN-005", "NX-RUN-007"].contains(error.code)
  }

  /// Runs the node until it is told to stop.
  package static func up(_ options: UpOptions) async throws -> CommandExit {
    let node = try await openTakingOver(options.project, console: options.console)
    let console = options.console
    let leaving: @Sendable () -> Void = {
      console.say("going down: agents are asked to end; Ctrl-C again ends all at once")
    }
    try await node.run(handlesSignals: true, recovers: true, leaving: leaving) { status in
      console.say(
        "\(console.wordStyle.good("✓")) node up · pid \(status.pid.map(String.init) ?? "?")"
          + (status.dashboard.map { " · dashboard \($0)" } ?? ""))
      console.next("naos status", "naos dashboard", "Ctrl-C or naos down")
    }
    console.say("node down")
    return .ok
  }

  // MARK: A node of one's own.

  private enum Ending<Result: Sendable>: Sendable {
    case node
    case body(Result)
  }

  /// Runs the node for the length of `body`, and takes it down whatever `body` comes to.
  ///
  /// Runs of before are told of unless the command has met a node already: its own may be among them.
  private static func alone<Result: Sendable>(
    _ node: Node, saysWaiting: Bool, console: Console,
    _ body: @escaping @Sendable (any NodeOperations) async throws -> Result
  ) async throws -> Result {
    let (ready, open) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let (life, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    return try await withThrowingTaskGroup(of: Ending<Result>.self) { group in
      group.addTask(name: "node") {
        defer {
          open.finish()
          end.finish()
        }
        try await node.run(handlesSignals: false, recovers: false) { _ in open.yield() }
        return .node
      }
      group.addTask(name: "command") {
        for await _ in ready { break }
        do {
          if saysWaiting { await sayWaiting(node.operations, console) }
          let result = try await body(node.operations)
          await seeOff(node, console)
          try await node.operations.shutdown()
          return .body(result)
        } catch {
          // Asked to leave its runs to another node, it goes down in its own order first.
          if node.isLeaving, !(error is CommandFailure) {
            for await _ in life {}
            throw HandedOver()
          }
          // Whoever leaves a run of their own to the next node leaves all of them.
          if (error as? CommandFailure)?.leavesRun == true { node.handOver() } else { await seeOff(node, console) }
          try? await node.operations.shutdown()
          throw error
        }
      }
      var result: Result?
      while let ending = try await group.next() { if case .body(let value) = ending { result = value } }
      guard let result else { throw OperationError.interrupted }
      return result
    }
  }

  /// Runs of before are not touched by a node for one run.
  private static func sayWaiting(_ operations: any NodeOperations, _ console: Console) async {
    guard let counts = try? await operations.status().runs else { return }
    let waiting = counts.count(of: "queued") + counts.count(of: "running")
    guard waiting > 0 else { return }
    console.say(
      "\(waiting) unfinished run\(waiting == 1 ? "" : "s") of before wait\(waiting == 1 ? "s" : "") for `naos up`")
  }

  /// Other commands may have joined this node: their runs go on until they end, or until Ctrl-C hands them over.
  ///
  /// The Ctrl-C that was for this command's own run is none for theirs: they would be begun anew elsewhere.
  private static func seeOff(_ node: Node, _ console: Console) async {
    let count = await node.runsUnderWay
    guard count > 0 else { return }
    let others = "\(count) run\(count == 1 ? "" : "s") of other commands"
    guard !Interrupts.wereAsked else {
      console.say("waiting for \(others); Ctrl-C again leaves at once, and they go on elsewhere")
      return await node.waitUntilIdle()
    }
    console.say("waiting for \(others); Ctrl-C hands over")
    await withTaskGroup(of: Void.self) { group in
      group.addTask(name: "guests") { await node.waitUntilIdle() }
      group.addTask(name: "interrupt") {
        guard (try? await Interrupts.first()) != nil else { return }
        node.handOver()
      }
      await group.next()
      group.cancelAll()
    }
  }

  private static func plan(of project: ProjectFolder) throws -> ProjectPlan {
    let result = project.load()
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    return plan
  }

  static func nodeOptions(_ project: ProjectFolder, purpose: NodeOptions.Purpose) throws -> NodeOptions {
    let environment = ProcessEnvironment.variables().sorted { $0.key < $1.key }
    return NodeOptions(
      plan: try plan(of: project), project: project.path, purpose: purpose,
      environment: environment.map { EnvironmentVariable($0.key, $0.value) },
      executable: ProcessEnvironment.executable())
  }
}
