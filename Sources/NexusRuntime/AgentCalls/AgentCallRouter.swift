// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Answers what agents ask of the node itself: work for services, durable steps, heartbeats, log lines.
struct AgentCallRouter: AgentCallHandler {
  /// The largest value of a durable step, as JSON.
  static let maxStepBytes = 1024 * 1024
  /// How much of the note of a heartbeat is kept.
  static let maxNote = 200

  let executor: RunExecutor
  let desk: ServiceDesk
  let board: AgentBoard
  let services: RuntimeServices
  let questions: AgentQuestions
  let context: ContextCalls

  func handle(_ call: AgentCall) async -> AgentReply {
    noteActivity(call)
    switch (call.method, call.path.first, call.path.count) {
    case ("GET", "next", 1): return await next(call)
    case ("POST", "tasks", 3): return answer(call)
    case ("GET", "steps", 2...): return await readStep(call)
    case ("PUT", "steps", 2...): return await recordStep(call)
    case ("GET", "state", 2...): return await context.read(call)
    case ("PUT", "state", 2...): return await context.write(call, body(call))
    case ("POST", "context", 1): return await context.note(call, body(call))
    case ("POST", "heartbeat", 1): return heartbeat(call)
    case ("POST", "sleep", 1): return await sleep(call)
    case ("POST", "call", 2...): return await callAgent(call)
    case ("POST", "log", 1): return await log(call)
    case ("POST", "approvals", 1): return await questions.ask(call, body(call))
    case ("GET", "approvals", 2): return await questions.read(call)
    default:
      return .problem(
        status: 404, code: "NX-API-004", title: "Unknown agent call",
        detail: "\(call.method) /agent/v1/\(call.path.joined(separator: "/")) is not a call of this version")
    }
  }

  /// Neither a heartbeat nor the wait for work says that anything is done.
  private func noteActivity(_ call: AgentCall) {
    guard call.path.first != "heartbeat", call.path.first != "next" else { return }
    board.update(call.caller.agent) { $0.lastActivity = services.clock.wallNow() }
    services.health.activity(of: call.caller)
  }

  func body(_ call: AgentCall) -> JSONValue? {
    call.body.isEmpty ? .object([:]) : try? JSONValue(parsing: call.body)
  }

  static let notJSON = AgentReply.problem(
    status: 400, code: "NX-API-001", title: "Not JSON", detail: "the body of this call must be JSON")

  private func next(_ call: AgentCall) async -> AgentReply {
    guard call.caller.run == nil else {
      return .problem(
        status: 409, code: "NX-AGT-007", title: "Not a service",
        detail: "only the key of a service agent's own process asks for work")
    }
    let seconds = call.query["wait"].flatMap { Int64($0) } ?? 0
    guard let task = await desk.next(for: call.caller.agent, wait: .seconds(max(0, min(seconds, 60)))) else {
      return AgentReply(status: 204)
    }
    return AgentReply(status: 200, body: task)
  }

  private func answer(_ call: AgentCall) -> AgentReply {
    guard let body = body(call) else { return Self.notJSON }
    let result: Result<JSONValue, RunError>
    switch call.path[2] {
    case "result":
      if call.body.isEmpty { return CallMembers.problem("the body is empty: an output is `{\"output\": …}`") }
      var output = body
      // What is no object is the output itself; a misspelt member would become one.
      if case .object = body {
        if let refusal = CallMembers.result.refusal(of: body) { return refusal }
        guard let member = body["output"] else { return CallMembers.problem("`output` is missing") }
        output = member
      }
      guard output.fits(AttemptRunner.maxOutputBytes, parsedFrom: call.body) else {
        return .problem(
          status: 413, code: "NX-AGT-005", title: "Too large",
          detail: "the result of a task may have \(AttemptRunner.maxOutputBytes) bytes as JSON; the task is still yours"
        )
      }
      result = .success(output)
    case "failure":
      if let refusal = CallMembers.failure.refusal(of: body) { return refusal }
      result = .failure(ReportedFailure.error(in: body))
    default:
      return .problem(
        status: 404, code: "NX-API-004", title: "Unknown agent call", detail: "a task takes `result` or `failure`")
    }
    // The key of a task answers for that task alone, the service's own for all that it has.
    let key = call.caller.run == nil ? nil : call.key
    guard desk.answer(call.path[1], of: call.caller.agent, by: key, with: result) else {
      return .problem(
        status: 409, code: "NX-AGT-009", title: "Not your task",
        detail: "task \(call.path[1]) is over, was never given to this agent, or is not the one of this key")
    }
    return AgentReply(status: 200, body: ["accepted": true])
  }

  /// The start of a text, counted in scalars: a single character may carry megabytes of marks.
  static func cut(_ text: String, _ limit: Int) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit)))
  }

  private func heartbeat(_ call: AgentCall) -> AgentReply {
    // A sign of life is one, whatever it says.
    services.health.heartbeat(from: call.caller)
    guard let body = body(call) else { return Self.notJSON }
    if let refusal = CallMembers.heartbeat.refusal(of: body) { return refusal }
    if let note = body["note"]?.stringValue {
      board.update(call.caller.agent) { $0.step = Self.cut(note, Self.maxNote) }
    }
    return AgentReply(status: 200, body: ["ok": true])
  }

  private func log(_ call: AgentCall) async -> AgentReply {
    guard let body = body(call) else { return Self.notJSON }
    // A line may also be the whole body, if that is no object.
    if case .object = body, let refusal = CallMembers.log.refusal(of: body) { return refusal }
    let text = body["message"]?.stringValue ?? body.text()
    await services.captures.line(of: call.caller, text: text)
    return AgentReply(status: 200, body: ["ok": true])
  }
}

extension JSONValue {
  /// The most that a value's encoded form is longer than the text it was parsed from: numbers and escapes have one form.
  private static let mostGrowth = 8

  /// Whether the encoded form has at most so many bytes; the text that the value, or what it is part of, came from
  /// mostly tells.
  func fits(_ limit: Int, parsedFrom text: [UInt8]) -> Bool {
    text.count <= limit / Self.mostGrowth || encoded().count <= limit
  }
}
