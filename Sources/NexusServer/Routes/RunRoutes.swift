// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var runRoutes: [Route] {
    let operations = operations
    return [
      Route(
        "GET", "/api/v1/runs", "Runs, newest first.",
        query: [
          ("name", "Only runs of this name."), ("status", "Only runs of these statuses, separated by commas."),
          ("kind", "Only runs of these kinds, separated by commas: agent, workflow, saga, pool."),
          ("reason", "Only paused runs of these reasons, separated by commas."),
          ("parent", "Only the runs that this one started; `any` for runs of every level, without it only top ones."),
          ("limit", "At most this many, up to 1000."), ("cursor", "The `next` of the page before."),
        ]
      ) { request throws(OperationError) in
        func words(_ name: String) -> [String] {
          request.query[name]?.split(separator: ",").map(String.init) ?? []
        }
        let limit = try request.number("limit", default: 50, in: 1...RunFilter.maxLimit)
        return .json(
          try await operations.listRuns(
            RunFilter(
              name: request.query["name"], statuses: words("status"), kinds: words("kind"), reasons: words("reason"),
              parent: request.query["parent"], limit: limit, cursor: request.query["cursor"])))
      },
      Route(
        "POST", "/api/v1/runs", "Starts a run; answers as soon as it is written down. Takes `Idempotency-Key`.",
        bodyLimit: StartRun.maxInputBytes + StartRun.maxCassetteBytes + OperatorLimits.bodyBytes,
        statuses: [201]
      ) { request throws(OperationError) in
        .json(try await operations.startRun(try Self.startRequest(request)), status: 201)
      },
      Route(
        "POST", "/api/v1/runs/prune",
        "Removes runs that are over: `{olderThan, ended, dryRun}`; answers when they are gone."
      ) { request throws(OperationError) in
        let json = try request.json()
        let wish: PruneRuns
        do throws(WireError) { wish = try PruneRuns(json: json) } catch { throw .misunderstood("\(error).") }
        return .json(try await operations.prune(wish))
      },
      Route("GET", "/api/v1/runs/{id}", "Everything about one run.") { request throws(OperationError) in
        .json(try await operations.showRun(request.run))
      },
      Route(
        "GET", "/api/v1/runs/{id}/journal", "The run's journal, oldest first.",
        query: [("after", "Entries after this sequence number."), ("limit", "At most this many, up to 1000.")]
      ) { request throws(OperationError) in
        let after = try request.number("after", default: 0, in: 0...Int.max)
        let limit = try request.number("limit", default: 100, in: 1...JournalPage.maxLimit)
        return .json(
          try await operations.journal(of: request.run, after: JournalSequence(Int64(after)), limit: limit))
      },
      Route(
        "GET", "/api/v1/runs/{id}/calls/{call}",
        "One recorded model call, counted as `runs show` does, with its answer as one JSON value.",
        query: [("step", "The step that made it; none for the run of an agent.")]
      ) { request throws(OperationError) in
        guard let number = request.parameters["call"].flatMap({ Int($0) }) else {
          throw .misunderstood("A call has a number.")
        }
        return .json(try await operations.call(number, of: request.run, step: request.query["step"]))
      },
      Route(
        "GET", "/api/v1/runs/{id}/cassette", "All recorded model calls of the run as a script, without secrets."
      ) { request throws(OperationError) in
        .json(try await operations.cassette(of: request.run))
      },
      waitRoute,
    ] + RunChange.verbs.map { change($0.verb, $0.summary) }
  }

  private func change(_ verb: String, _ summary: String) -> Route {
    let operations = operations
    let limit = OperatorLimits.bodyBytes + (verb == "fork" ? ForkOrder.maxAnswerBytes : 0)
    let statuses = verb == "restart" || verb == "fork" ? [201] : [200]
    return Route("POST", "/api/v1/runs/{id}/\(verb)", summary, bodyLimit: limit, statuses: statuses) {
      request throws(OperationError) in
      let body = request.body.isEmpty ? JSONValue.object(JSONObject()) : try request.json()
      let change: RunChange?
      do throws(WireError) { change = try RunChange(verb: verb, body: body) } catch {
        throw .misunderstood("\(error).")
      }
      guard let change else { throw .misunderstood("There is no verb `\(verb)`.") }
      return .json(try await operations.change(request.run, change), status: change.startsRun ? 201 : 200)
    }
  }

  /// A long poll: 200 once the run is final or paused, 202 with nothing if it still goes on after `seconds`.
  private var waitRoute: Route {
    let (operations, clock) = (operations, clock)
    return Route(
      "GET", "/api/v1/runs/{id}/wait", "Waits until the run is final or paused; 202 if it is not yet.",
      query: [("seconds", "How long to wait, at most \(OperatorLimits.waitSeconds).")],
      statuses: [200, 202]
    ) { request throws(OperationError) in
      let most = Int(OperatorLimits.waitSeconds)
      let seconds = try request.number("seconds", default: most, in: 0...most)
      let report = try await Waiting.first(within: .seconds(seconds), on: clock) { () async throws(OperationError) in
        try await operations.waitRun(request.run)
      }
      guard let report else { return .json(JSONValue.object(JSONObject()), status: 202) }
      return .json(report)
    }
  }

  /// The header wins over the body: it is the one that proxies and client libraries know how to repeat.
  private static func startRequest(_ request: OperatorRequest) throws(OperationError) -> StartRun {
    var start: StartRun
    do {
      start = try StartRun(json: try request.json())
    } catch let error as OperationError {
      throw error
    } catch {
      throw .misunderstood("\(error).")
    }
    if let key = request.headers["idempotency-key"] {
      guard (1...200).contains(key.utf8.count) else { throw .misunderstood("`Idempotency-Key` has 1 to 200 bytes.") }
      start.idempotencyKey = key
    }
    return start
  }
}

/// Waits for an operation, but not for ever.
enum Waiting {
  private enum Outcome: Sendable {
    case result(Result<RunReport, OperationError>)
    case tooLate
  }

  /// What the operation gives, or nil if the time is over first; the operation is then cancelled.
  static func first(
    within limit: Duration, on clock: any NexusClock,
    operation: @escaping @Sendable () async throws(OperationError) -> RunReport
  ) async throws(OperationError) -> RunReport? {
    let outcome = await withTaskGroup(of: Outcome.self) { group in
      group.addTask(name: "wait:operation") {
        do throws(OperationError) {
          return .result(.success(try await operation()))
        } catch {
          return .result(.failure(error))
        }
      }
      group.addTask(name: "wait:limit") {
        try? await clock.sleep(until: clock.now() + limit)
        return .tooLate
      }
      let first = await group.next() ?? .tooLate
      group.cancelAll()
      return first
    }
    switch outcome {
    case .result(let result): return try result.get()
    case .tooLate: return nil
    }
  }
}
