// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// One tool call: an effect of the run, answered from the record if it is there, else done once and recorded.
///
/// Calls that only read (`files.*`, `http.get`, skills that send no requests) are announced as `written`: if power is lost with the announcement, doing
/// them again harms nobody. All others are `synced` before they are done.
final class ToolExchange {
  private let services: GatewayServices
  private let loop: any EventLoop
  private let session: AttemptSession
  private let tool: String
  private let id: EffectID
  private let startedAt: Instant
  private var response: FrontResponse?
  private var record: EffectRecord?
  private var digest = RequestDigest("")
  private var detail = ""
  /// What was asked of the rules.
  private var proposal: EffectProposal?
  /// The arguments are not those that the agent gave.
  private var isEdited = false

  init(services: GatewayServices, loop: any EventLoop, session: AttemptSession, tool: String, response: FrontResponse) {
    self.services = services
    self.loop = loop
    self.session = session
    self.tool = tool
    self.response = response
    id = services.identifiers.effect()
    startedAt = services.clock.now()
  }

  private lazy var onlyReads = services.tools.onlyReads(tool, of: session.caller.agent)
  private var commitClass: CommitClass { onlyReads ? .written : .synced }

  /// What a call says: its arguments, and what the run's record knows it by.
  private struct Asked: Sendable {
    let arguments: JSONValue
    let digest: RequestDigest

    static func read(_ body: ByteBuffer, _ tool: String, _ step: StepPath) -> Result<Asked, GatewayError> {
      if JSONScan.has(moreThan: ModelRequest.mostValues, body.readableBytesUInt8Span) {
        return .failure(AgentRoutes.tooManyValues)
      }
      do throws(JSONError) {
        let parsed = body.readableBytes == 0 ? [:] : try JSONValue(parsing: Array(body.readableBytesView))
        return .success(
          Asked(
            arguments: parsed["arguments"] ?? [:],
            digest: EffectDigest.of(name: "TOOL \(tool)", step: step, body: body)))
      } catch {
        return .failure(GatewayError(.malformedRequest, "The arguments are not JSON: \(error)."))
      }
    }
  }

  func start(_ body: ByteBuffer, _ heavy: HeavyWork) {
    let tool = tool
    let step = session.caller.step
    heavy.run(on: body.readableBytes, loop) {
      Asked.read(body, tool, step)
    } then: { asked in
      guard self.response?.isOpen == true else { return }
      switch asked {
      case .success(let asked): self.start(asked)
      case .failure(let error): self.answer { $0.fail(error, .problem) }
      }
    }
  }

  private func start(_ asked: Asked) {
    let arguments = asked.arguments
    guard services.tools.definitions(for: session.caller.agent).contains(where: { $0.name == tool }) else {
      return answer { $0.fail(GatewayError(.unknownTool, "This agent has no tool '\(self.tool)'."), .problem) }
    }
    detail = Self.words(for: arguments)
    digest = session.known(asked.digest)
    guard let run = session.run else {
      return ask(arguments, slot: "") { permit in self.perform(permit.arguments) }
    }
    response?.whenGone = { [weak self] in self?.askerGone() }
    switch run.request(digest, kind: .tool, repeatable: onlyReads, id: id) {
    case .replay(let recorded): replay(recorded)
    case .join(let other): join(other, run)
    case .new(let record, let diverges):
      self.record = record
      // A cassette has no tools on it: every call of one is made, and that is no way off its record.
      if diverges, !session.caller.isRecorded { services.tellDivergence(session.caller, record) }
      ask(arguments, slot: record.slot) { permit in self.announce(record, run, permit) }
    case .uncertain: answerUncertain()
    }
  }

  private func answerUncertain() {
    let (gate, tool, caller) = (services.gate, tool, session.caller)
    AsyncBridge.run(on: loop) {
      await gate.isUncertain(tool, of: caller)
    } then: {
      self.answer {
        $0.fail(
          GatewayError(
            .uncertainEffect,
            "Tool '\(tool)' was under way with these arguments when a node died; whether it was done is not known."),
          .problem)
      }
    }
  }

  private func askerGone() {
    response = nil
    if record != nil { session.run?.abandon(id, by: session.caller.attempt) }
  }

  /// Has the rules, and the people whom they ask, say whether it may be done.
  private func ask(_ arguments: JSONValue, slot: String, then proceed: @escaping (EffectPermit) -> Void) {
    let gate = services.gate
    guard gate.isClosed else { return proceed(EffectPermit(arguments: arguments)) }
    let proposal = EffectProposal(
      caller: session.caller, tool: tool, arguments: arguments, effect: id, slot: slot)
    self.proposal = proposal
    AsyncBridge.run(on: loop) {
      await gate.rule(on: proposal)
    } then: { ruling in
      if case .permitted(let permit) = ruling {
        // Whoever has gone meanwhile may have been ended, and the run with it.
        guard self.isAwaited else {
          gate.withdrew(proposal)
          return self.withdraw()
        }
        self.isEdited = permit.arguments != arguments
        return proceed(permit)
      }
      self.withdraw()
      guard let answer = RulingAnswer(ruling, tool: self.tool) else { return }
      // What is forbidden has its consequence also for those who did not wait to hear it.
      answer.note(in: self.session)
      self.answer { answer.send(to: $0, asTool: true) }
      self.tell(answer.isRefusal ? .refused : .failed, answer.words)
    }
  }

  /// Somebody is there who gets what the call comes to.
  private var isAwaited: Bool { response?.isOpen == true || session.run?.hasWaiters(id) == true }

  private func withdraw() {
    guard record != nil else { return }
    session.run?.withdraw(id)
    services.settle(session.run)
  }

  private func announce(_ record: EffectRecord, _ run: RunSession, _ permit: EffectPermit) {
    let arguments = permit.arguments
    // The node does not go down between a tool's deed and the record of it.
    _ = services.exchanges.enter(limit: .max)
    let row = EffectRow(
      record: record, run: run.key.run, step: session.caller.step, agent: session.caller.agent, name: tool,
      detail: detail, startedAt: services.clock.wallNow(), request: arguments.encoded())
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    // What a person has approved is used up with the announcement, or nothing is announced.
    let transaction = StoreTransaction(
      permit.mutations.isEmpty ? commitClass : .synced, permit.mutations + [.insertEffect(row)])
    services.store.submit(transaction) { result in
      loop.runInside {
        switch result {
        case .success: bound.value.perform(arguments)
        case .failure(let error): bound.value.cannotWrite(error)
        }
      }
    }
  }

  private func cannotWrite(_ error: StoreError) {
    services.exchanges.leave()
    session.run?.withdraw(id)
    if let proposal { services.gate.withdrew(proposal) }
    answer {
      $0.fail(
        GatewayError(.journalUnavailable, "Nothing was done, because the journal cannot be written: \(error.message)"),
        .problem)
    }
  }

  private func perform(_ arguments: JSONValue) {
    tell(.started)
    let tools = services.tools
    let tool = tool
    let caller = session.caller
    let attempt = LentKeys(keys: services.keys, session: session, call: digest)
    AsyncBridge.run(on: loop) {
      await tools.perform(tool, arguments: arguments, for: caller, of: attempt)
    } then: { outcome in
      self.performed(outcome)
    }
  }

  private func performed(_ outcome: ToolOutcome) {
    let body = Self.body(outcome, isEdited: isEdited)
    guard record != nil, let run = session.run else {
      session.charge(tokens: .zero, cost: .zero)
      tell(outcome.succeeded ? .succeeded : .failed, Self.words(of: outcome.content))
      return answer { $0.send(status: 200, json: body) }
    }
    let state: EffectState = outcome.succeeded ? .succeeded : .failed
    let row = EffectOutcome(
      status: outcome.succeeded ? 200 : 0, headers: [], body: body.encoded(), isStream: false,
      endedAt: services.clock.wallNow(), inputTokens: .zero, outputTokens: .zero, cost: .zero)
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    services.store.submit(StoreTransaction(commitClass, [.setOutcome(id, state, row)])) { result in
      loop.runInside { bound.value.recorded(result, run, state, body) }
    }
  }

  private func recorded(_ result: Result<Void, StoreError>, _ run: RunSession, _ state: EffectState, _ body: JSONValue)
  {
    switch result {
    case .success:
      run.finish(id, state)
      tell(state == .succeeded ? .succeeded : .failed, body["content"].map(Self.words(of:)) ?? "")
      answer { $0.send(status: 200, json: body) }
    case .failure(let error):
      run.lose(id)
      tell(.failed)
      answer {
        $0.fail(
          GatewayError(.journalUnavailable, "The tool's answer cannot be recorded: \(error.message)"), .problem)
      }
    }
    services.exchanges.leave()
    services.settle(run)
  }

  // MARK: The record

  private func replay(_ recorded: EffectID) {
    let store = services.store
    AsyncBridge.run(on: loop) { () async -> EffectOutcome? in
      try? await store.outcome(of: recorded)
    } then: { outcome in
      if self.response == nil { self.session.run?.abandon(recorded, by: self.session.caller.attempt) }
      guard let outcome else {
        return self.answer {
          $0.fail(GatewayError(.journalUnavailable, "The recorded answer cannot be read."), .problem)
        }
      }
      self.tell(.replayed)
      self.answer {
        let fields = [
          EnvironmentVariable("content-type", "application/json"), EnvironmentVariable("x-naos-replayed", "true"),
        ]
        $0.send(status: 200, fields: fields, body: ByteBuffer(bytes: outcome.body))
      }
    }
  }

  private func join(_ other: EffectID, _ run: RunSession) {
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    response?.whenGone = {
      self.response = nil
      run.abandon(other, by: self.session.caller.attempt)
    }
    run.wait(for: other) { ending in
      loop.runInside {
        switch ending {
        case .recorded: bound.value.replay(other)
        case .lost:
          bound.value.answer {
            $0.fail(GatewayError(.journalUnavailable, "The call waited for ended without a record."), .problem)
          }
        }
      }
    }
  }

  // MARK: Words

  private func answer(_ body: (FrontResponse) -> Void) {
    let response = response
    self.response = nil
    response?.whenGone = nil
    if let response { body(response) }
  }

  private func tell(_ phase: EffectEvent.Phase, _ result: String = "") {
    services.tell(
      EffectEvent(
        caller: session.caller, phase: phase, kind: .tool, name: tool, detail: detail, result: result,
        duration: services.clock.now() - startedAt))
  }

  private static func body(_ outcome: ToolOutcome, isEdited: Bool) -> JSONValue {
    var body: JSONObject = ["succeeded": .bool(outcome.succeeded), "content": outcome.content]
    if isEdited { body["note"] = "a person has changed the arguments of this call before it was made" }
    return .object(body)
  }

  /// How much an answer holds, in the unit of its first list or text.
  private static func words(of content: JSONValue) -> String {
    for member in content.objectValue ?? JSONObject() {
      switch member.value {
      case .array(let elements):
        let unit = elements.count == 1 && member.key.hasSuffix("s") ? String(member.key.dropLast()) : member.key
        return "\(elements.count) \(unit.prefix(20))"
      case .string(let text) where member.key == "text" || member.key == "body":
        let bytes = text.utf8.count
        return bytes < 1000 ? "\(bytes) B" : "\((bytes + 50) / 1000).\((bytes + 50) / 100 % 10) KB"
      default: continue
      }
    }
    return ""
  }

  /// The first argument that is a text, for people; it is untrusted.
  private static func words(for arguments: JSONValue) -> String {
    for member in arguments.objectValue ?? JSONObject() {
      if case .string(let text) = member.value { return String(text.prefix(120)) }
    }
    return ""
  }
}
