// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// `GET|PUT state/{key}` and `POST context`: what agents share, and what they go out from.
struct ContextCalls: Sendable {
  /// Around a value in the store stand so many levels.
  private static let levelsAround = 8

  let desk: ContextDesk
  let executor: RunExecutor
  let services: RuntimeServices

  // MARK: Reading

  /// The current value of a key; from then on it is a part of what the step goes out from.
  func read(_ call: AgentCall) async -> AgentReply {
    guard let key = Self.key(of: call) else { return Self.badKey }
    let (caller, now) = (call.caller, services.clock.wallNow())
    let reader = caller.run.map { ContextReader(run: $0, step: caller.step, at: now) }
    do throws(StoreError) {
      let found = try await desk.change(key) { record -> ContextVersion? in
        guard record.current?.digest != nil else { return nil }
        if let reader { record.noteReader(reader) }
        return record.current
      }
      guard let found, let value = found.value, let digest = found.digest else { return Self.nothing(key) }
      let item = ContextItem(
        key: key, version: found.number, digest: digest, observedAt: now, validUntil: found.validUntil, source: "state")
      if let refusal = await note(item, of: caller) { return refusal }
      var body: JSONObject = [
        "key": .string(key), "value": value, "version": .int(found.number), "digest": .string(digest),
        "observedAt": .string(now.iso8601), "source": Self.source(found.writer),
        "status": .string(found.validUntil.map { $0 <= now } == true ? "expired" : "fresh"),
      ]
      body["validUntil"] = found.validUntil.map { .string($0.iso8601) }
      return AgentReply(status: 200, body: .object(body))
    } catch {
      return Self.unavailable(error)
    }
  }

  /// Something that the agent has read elsewhere: `{key, version, digest, observedAt, validUntil, source}`.
  func note(_ call: AgentCall, _ body: JSONValue?) async -> AgentReply {
    guard let body else { return AgentCallRouter.notJSON }
    if let refusal = CallMembers.context.refusal(of: body) { return refusal }
    guard let key = body["key"]?.stringValue, Self.isKey(key) else { return Self.badKey }
    let now = services.clock.wallNow()
    var item = ContextItem(
      key: key, digest: body["digest"]?.stringValue, observedAt: now,
      source: AgentCallRouter.cut(body["source"]?.stringValue ?? "agent", ContextItem.maxKeyBytes))
    if let version = body["version"], !version.isNull {
      guard let number = version.intValue, number > 0 else { return Self.bad("version", "a whole number from 1 on") }
      item.version = number
    }
    if let text = body["observedAt"]?.stringValue {
      guard let time = WallTime(iso8601: text), time <= now else {
        return Self.bad("observedAt", "a time that has been")
      }
      item.observedAt = time
    }
    if let value = body["validUntil"], !value.isNull {
      guard let end = try? SleepLength.end(of: value, from: now) else { return Self.badEnd }
      item.validUntil = end
    }
    guard call.caller.run != nil else { return AgentCallRouter.noRun }
    if let refusal = await note(item, of: call.caller) { return refusal }
    do throws(StoreError) {
      let standing = try await desk.standing(of: [key])
      let freshness = Freshness.of(item, now: standing[key], at: now)
      return AgentReply(status: 200, body: ["key": .string(key), "freshness": .string(freshness.rawValue)])
    } catch {
      return Self.unavailable(error)
    }
  }

  /// Has the run write down that it was read; nil if it did, or if the key belongs to no run.
  private func note(_ item: ContextItem, of caller: Caller) async -> AgentReply? {
    guard let run = caller.run else { return nil }
    guard let driver = await executor.driver(of: run), let mark = driver.attempts[caller.step]?.context else {
      return AgentCallRouter.noRun
    }
    if let known = mark.item(item.key), known.version == item.version, known.digest == item.digest,
      known.validUntil == item.validUntil, item.observedAt - known.observedAt < ContextDesk.sameReading
    {
      return nil
    }
    switch await driver.ask(.contextRead(caller.step, item)) {
    case .taken, .known:
      mark.read(item)
      return nil
    case .ignored, .cannotGoBack:
      return .problem(
        status: 403, code: "NX-GAT-106", title: "Too much",
        detail: "one attempt may read \(ContextItem.maxPerAttempt) keys")
    case .busy, .gone: return AgentCallRouter.noRun
    }
  }

  // MARK: Writing

  /// `{value, version, validUntil}`: writes over the version that the agent knows; 0 for a key that there is not yet.
  func write(_ call: AgentCall, _ body: JSONValue?) async -> AgentReply {
    guard let body else { return AgentCallRouter.notJSON }
    if let refusal = CallMembers.state.refusal(of: body) { return refusal }
    guard let key = Self.key(of: call) else { return Self.badKey }
    guard let value = body["value"] else { return CallMembers.problem("`value` is missing") }
    guard let expected = body["version"]?.intValue, expected >= 0 else {
      return CallMembers.problem("`version` is missing: that which you have read, or 0 for a key that there is not yet")
    }
    guard value.fits(ContextRecord.maxValueBytes, parsedFrom: call.body),
      value.nests(within: JSONValue.maxDepth - Self.levelsAround)
    else {
      return .problem(
        status: 413, code: "NX-GAT-106", title: "Too large",
        detail:
          "a value may have \(ContextRecord.maxValueBytes) bytes as JSON, and nest \(JSONValue.maxDepth - Self.levelsAround) levels"
      )
    }
    let now = services.clock.wallNow()
    var validUntil: WallTime?
    if let end = body["validUntil"], !end.isNull {
      guard let time = try? SleepLength.end(of: end, from: now) else { return Self.badEnd }
      validUntil = time
    }
    return await write(value, to: key, over: expected, validUntil, call.caller, at: now)
  }

  private func write(
    _ value: JSONValue, to key: String, over expected: Int64, _ validUntil: WallTime?, _ caller: Caller,
    at now: WallTime
  ) async -> AgentReply {
    let writer = ContextWriter(agent: caller.agent, run: caller.run, step: caller.step, attempt: caller.attempt)
    let digest = desk.digest(of: value)
    do throws(StoreError) {
      if expected == 0, try await services.store.context([key])[key] == nil,
        try await services.store.contextCount() >= ContextRecord.maxKeys
      {
        return .problem(
          status: 403, code: "NX-GAT-106", title: "Too much",
          detail: "the state of a project may have \(ContextRecord.maxKeys) keys")
      }
      let answer = try await desk.change(key) { record in
        record.write(value, digest: digest, over: expected, by: writer, at: now, validUntil: validUntil)
      }
      switch answer {
      case .conflict(let current):
        var problem = AgentReply.problem(
          status: 409, code: "NX-GAT-105", title: "Somebody was faster",
          detail: "`\(key)` is in version \(current), not \(expected): read it anew")
        if case .object(var body)? = problem.body {
          body["version"] = .int(current)
          problem = AgentReply(status: 409, body: .object(body))
        }
        return problem
      case .written(let version), .known(let version):
        if let run = caller.run, let driver = await executor.driver(of: run) {
          driver.attempts[caller.step]?.context.wrote(key)
        }
        return AgentReply(
          status: 200, body: ["key": .string(key), "version": .int(version), "digest": .string(digest)])
      }
    } catch {
      return Self.unavailable(error)
    }
  }

  // MARK: Keys

  private static func key(of call: AgentCall) -> String? {
    let key = call.path.dropFirst().joined(separator: "/")
    return isKey(key) ? key : nil
  }

  private static func isKey(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= ContextItem.maxKeyBytes && text.unicodeScalars.allSatisfy { $0.value >= 0x20 }
  }

  private static let badKey = CallMembers.problem(
    "a key has 1 to \(ContextItem.maxKeyBytes) bytes, and no control characters")

  private static let badEnd = bad(
    "validUntil", "a duration such as 15m, seconds, or a time such as 2026-12-01T08:00:00Z")

  private static func bad(_ member: String, _ what: String) -> AgentReply {
    CallMembers.problem("`\(member)` is \(what)")
  }

  private static func nothing(_ key: String) -> AgentReply {
    .problem(status: 404, code: "NX-GAT-107", title: "Nothing there", detail: "there is nothing under `\(key)`")
  }

  private static func source(_ writer: ContextWriter) -> JSONValue {
    [
      "agent": .string(writer.agent.text), "run": writer.run.map { .string($0.text) } ?? .null,
      "step": .string(writer.step.text),
    ]
  }

  private static func unavailable(_ error: StoreError) -> AgentReply {
    .problem(status: 503, code: error.publicCode, title: "Not now", detail: error.message)
  }
}
