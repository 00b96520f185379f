// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// What an agent has its run remember.
extension AgentCallRouter {
  func stepPath(_ call: AgentCall, in driver: RunDriver) -> StepPath {
    driver.recordedPath(call.path.dropFirst().joined(separator: "/"), of: call.caller.step)
  }

  static let noRun = AgentReply.problem(
    status: 409, code: "NX-AGT-011", title: "No run", detail: "durable steps belong to a run, and this key has none")

  /// Whether a path is one below which the node itself records, as only it may.
  private static func isReserved(_ path: [String]) -> Bool {
    // A segment may hold slashes of its own.
    path.joined(separator: "/").split(separator: "/", omittingEmptySubsequences: false)
      .contains { StepPath.reserved.contains(String($0)) }
  }

  private static let reservedPath = AgentReply.problem(
    status: 400, code: "NX-RUN-055", title: "Not a name",
    detail: "no part of the path of a step may be the node's own: \(reservedParts)")

  private static let reservedParts = StepPath.reserved.map { "`\($0)`" }.joined(separator: ", ")

  func readStep(_ call: AgentCall) async -> AgentReply {
    if Self.isReserved(call.path) { return Self.reservedPath }
    guard let run = call.caller.run, let driver = await executor.driver(of: run) else { return Self.noRun }
    let path = stepPath(call, in: driver)
    guard let value = await driver.recorded(path) else {
      return .problem(
        status: 404, code: "NX-AGT-012", title: "Not recorded", detail: "step \(path) has no recorded result yet")
    }
    return AgentReply(status: 200, body: value)
  }

  func recordStep(_ call: AgentCall) async -> AgentReply {
    if Self.isReserved(call.path) { return Self.reservedPath }
    guard let run = call.caller.run, let driver = await executor.driver(of: run) else { return Self.noRun }
    guard let value = body(call) else { return Self.notJSON }
    // The journal keeps the encoded form, in which numbers may be longer than they were written.
    guard call.body.count <= Self.maxStepBytes, value.fits(Self.maxStepBytes, parsedFrom: call.body) else {
      return .problem(
        status: 413, code: "NX-AGT-013", title: "Too large",
        detail: "the result of a step may have \(Self.maxStepBytes) bytes")
    }
    let path = stepPath(call, in: driver)
    // The first writer wins; everyone gets what was recorded.
    guard let recorded = await driver.record(value, at: path) else { return Self.noRun }
    return AgentReply(status: 200, body: recorded)
  }

  // MARK: Sleep

  /// `{until, name}`: a durable sleep, of which the end is recorded once under its name.
  ///
  /// 200 when the time has come; 202 while it has not: whoever leaves with exit 75 then is started again at that time.
  func sleep(_ call: AgentCall) async -> AgentReply {
    guard let run = call.caller.run, let driver = await executor.driver(of: run) else { return Self.noRun }
    guard let body = body(call) else { return Self.notJSON }
    if let refusal = CallMembers.sleep.refusal(of: body) { return refusal }
    guard let name = Self.name(body["name"]?.stringValue ?? "sleep") else { return Self.badName }
    let now = services.clock.wallNow()
    let asked: WallTime
    do throws(RunError) { asked = try SleepLength.end(of: body["until"] ?? .null, from: now) } catch {
      return .problem(status: 400, code: error.code, title: "Not a time", detail: error.message)
    }
    let path = driver.recordedPath(".sleep/\(name)", of: call.caller.step)
    guard let recorded = await driver.record(.int(asked.microseconds), at: path), let end = recorded.intValue else {
      return Self.noRun
    }
    let until = WallTime(microseconds: end)
    if until > now { await wait(Self.wait(call, otherwise: 0), until) }
    let left = until - services.clock.wallNow()
    let sleep = driver.attempts[call.caller.step]?.sleep
    guard left > .zero else {
      sleep?.ends(path)
      return AgentReply(status: 200, body: ["slept": true, "until": .string(until.iso8601)])
    }
    sleep?.begins(path, until: until)
    return AgentReply(
      status: 202,
      body: [
        "slept": false, "until": .string(until.iso8601), "seconds": .double(left / Duration.seconds(1)),
        "hint": "ask again, or leave with exit 75: the agent is started again at that time",
      ])
  }

  private func wait(_ most: Duration, _ until: WallTime) async {
    let wait = min(most, until - services.clock.wallNow())
    guard wait > .zero else { return }
    // Whoever hangs up has an answer that nobody reads.
    do { try await services.clock.sleep(until: services.clock.now() + wait) } catch { return }
  }

  // MARK: What calls have in common

  /// The longest name of a sleep or a call, in bytes.
  static let maxName = 200

  /// A name that may stand in the path of a record.
  static func name(_ text: String) -> String? {
    text.isEmpty || text.utf8.count > maxName || isReserved([text]) ? nil : text
  }

  static let badName = AgentReply.problem(
    status: 400, code: "NX-RUN-055", title: "Not a name",
    detail: "a name has from 1 to \(maxName) bytes, and no part that is the node's own: \(reservedParts)")

  /// How long the caller wants to wait for the answer.
  static func wait(_ call: AgentCall, otherwise seconds: Int64) -> Duration {
    let asked = call.query["wait"].flatMap { Int64($0) } ?? seconds
    return .seconds(max(0, min(asked, ServiceDesk.maxWait.components.seconds)))
  }
}
