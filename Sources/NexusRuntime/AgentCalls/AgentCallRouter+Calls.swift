// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// An agent that has another one do something.
extension AgentCallRouter {
  /// `POST call/{agent}[/{name}]` with `{input}`: a run of its own, started once for its path, whatever becomes of the
  /// caller, and its result recorded once.
  ///
  /// 200 when it is over, however it ended; 202 while it is not: the caller asks again.
  func callAgent(_ call: AgentCall) async -> AgentReply {
    guard let run = call.caller.run, let driver = await executor.driver(of: run) else { return Self.noRun }
    guard let body = body(call) else { return Self.notJSON }
    if let refusal = CallMembers.call.refusal(of: body) { return refusal }
    let name = call.path.dropFirst(2).joined(separator: "/")
    guard name.isEmpty || Self.name(name) != nil, Self.name(call.path[1]) != nil else { return Self.badName }
    let path = ".call/" + call.path.dropFirst().joined(separator: "/")
    let result = driver.recordedPath(path, of: call.caller.step)
    if let recorded = await driver.recorded(result) { return AgentReply(status: 200, body: recorded) }
    do throws(RuntimeRefusal) {
      let order = AgentCallOrder(
        name: call.path[1], input: body["input"] ?? .null, key: "\(run)/\(result)\(Self.suffix(driver.rollbacks))",
        caller: run,
        agent: call.caller.agent,
        isAbandoned: body["parentClose"]?.stringValue == ParentClose.abandon.rawValue)
      // Written down before it begins, so that whoever ends this run knows that there is one to look for.
      let marker = driver.recordedPath(".calls/" + call.path.dropFirst().joined(separator: "/"), of: call.caller.step)
      if driver.callCount >= RunExecutor.maxCalls, await driver.recorded(marker) == nil { return Self.tooManyCalls }
      guard await driver.record(.bool(true), at: marker) != nil else { return Self.noRun }
      let child = try await executor.call(order)
      let ended = await executor.end(of: child, within: Self.wait(call, otherwise: 60), services.clock)
      var isOver = false
      // What the end of an earlier life of the caller has ended goes on when it is asked for again.
      if let ended, ended.summary.status.isFinal { isOver = try await !executor.wasClosed(ended, by: run) }
      guard let ended, isOver else {
        let status = ended?.summary.status ?? child.summary.status
        return AgentReply(
          status: 202,
          body: [
            "run": .string(child.id.text), "status": .string(status.rawValue), "hint": "it is not over yet: ask again",
          ])
      }
      guard let recorded = await driver.record(Self.result(of: ended), at: result) else { return Self.noRun }
      return AgentReply(status: 200, body: recorded)
    } catch {
      return Self.reply(to: error)
    }
  }

  /// What is called anew behind a roll-back is another run than before.
  private static func suffix(_ rollbacks: Int) -> String { rollbacks == 0 ? "" : "#b\(rollbacks)" }

  private static let tooManyCalls = AgentReply.problem(
    status: 403, code: "NX-RUN-061", title: "Too many calls",
    detail: "the agents of one run may call \(RunExecutor.maxCalls) times")

  /// What is recorded of a call; of an output that nests too deep for that only an error, so that the caller lives on.
  private static func result(of run: RunRecord) -> JSONValue {
    let result = full(run.summary, run.id)
    guard !result.nests(within: JSONValue.maxDepth) else { return result }
    var summary = run.summary
    summary.output = nil
    summary.error = RunError(
      code: "NX-STO-008",
      message: "the output of \(run.id) nests too deep to be recorded: it may nest \(JSONValue.maxDepth - 1) levels")
    return full(summary, run.id)
  }

  private static func full(_ summary: RunSummary, _ run: RunID) -> JSONValue {
    [
      "run": .string(run.text), "status": .string(summary.status.rawValue), "output": summary.output ?? .null,
      "error": summary.error.map { ["code": .string($0.code), "message": .string($0.message)] } ?? .null,
      "tokens": .int(summary.tokens.value), "costNanoUSD": .int(summary.cost.value),
    ]
  }

  private static func reply(to refusal: RuntimeRefusal) -> AgentReply {
    let status =
      switch refusal.kind {
      case .notFound: 404
      case .conflict: 409
      case .refused: 403
      case .invalid: 400
      case .unavailable, .storage: 503
      }
    return .problem(status: status, code: refusal.code, title: "Not called", detail: refusal.message)
  }
}
