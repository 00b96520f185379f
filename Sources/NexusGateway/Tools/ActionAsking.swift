// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Asks whether an agent may have another one do something, which is an action like a tool call.
final class ActionAsking {
  private let services: GatewayServices
  private let loop: any EventLoop
  let session: AttemptSession
  private let path: [String]
  let body: ByteBuffer
  private var proposal: EffectProposal?
  /// The body that was permitted, if it is not the one that came: kept with the mark, because it is what is sent ever after.
  private(set) var edited: [UInt8]?

  init(services: GatewayServices, loop: any EventLoop, session: AttemptSession, path: [String], body: ByteBuffer) {
    self.services = services
    self.loop = loop
    self.session = session
    self.path = path
    self.body = body
  }

  /// It is one that is ruled on.
  private var isAction: Bool { services.gate.isClosed && path.first == "call" && path.count > 1 }

  /// By which the record names it: however its path was written, the name of the agent is the same.
  var name: String? { isAction ? "POST /agent/v1/" + path.joined(separator: "/") : nil }

  /// Sends a call again that was permitted before: as it was permitted, not as it came.
  func recall(_ recorded: EffectID, _ response: FrontResponse, then forward: @escaping (ByteBuffer) -> Void) {
    guard isAction else { return forward(body) }
    let store = services.store
    AsyncBridge.run(on: loop) { () async -> Result<[UInt8]?, StoreError> in
      do throws(StoreError) { return .success(try await store.request(of: recorded)) } catch { return .failure(error) }
    } then: { result in
      switch result {
      case .success(let permitted): forward(permitted.map { ByteBuffer(bytes: $0) } ?? self.body)
      case .failure(let error):
        guard response.isOpen else { return }
        response.fail(
          GatewayError(.journalUnavailable, "The recorded call cannot be read: \(error.message)"), .problem)
      }
    }
  }

  /// Waits for the call of an attempt before this one, about which nothing is decided yet.
  func join(
    _ other: EffectID, _ run: RunSession, _ response: FrontResponse, then forward: @escaping (ByteBuffer) -> Void
  ) {
    guard isAction else { return forward(body) }
    let bound = NIOLoopBound((self, response, forward), eventLoop: loop)
    let loop = loop
    run.wait(for: other) { ending in
      loop.runInside {
        let (asks, response, forward) = bound.value
        switch ending {
        case .recorded: asks.recall(other, response, then: forward)
        case .lost:
          guard response.isOpen else { return }
          response.fail(
            GatewayError(.journalUnavailable, "The call waited for ended without a record."), .problem)
        }
      }
    }
  }

  /// Goes on with the body as it may be sent, and with what is to be written along; answers itself if it may not.
  func ask(
    _ record: EffectRecord, _ response: FrontResponse, then proceed: @escaping (ByteBuffer, [Mutation]) -> Void,
    otherwise: @escaping () -> Void
  ) {
    guard isAction else { return proceed(body, []) }
    let arguments: JSONValue
    do throws(JSONError) {
      arguments = body.readableBytes == 0 ? [:] : try JSONValue(parsing: Array(body.readableBytesView))
    } catch {
      // The node itself says what is wrong with it.
      return proceed(body, [])
    }
    let proposal = EffectProposal(
      caller: session.caller, tool: "agents.\(path[1])", arguments: arguments, effect: record.id, slot: record.slot)
    self.proposal = proposal
    let gate = services.gate
    AsyncBridge.run(on: loop) {
      await gate.rule(on: proposal)
    } then: { ruling in
      switch ruling {
      case .permitted(let permit):
        // Whoever has gone meanwhile may have been ended, and the run with it.
        guard response.isOpen || self.session.run?.hasWaiters(record.id) == true else {
          self.withdrew()
          return otherwise()
        }
        if permit.arguments != arguments { self.edited = permit.arguments.encoded() }
        proceed(self.edited.map { ByteBuffer(bytes: $0) } ?? self.body, permit.mutations)
      case .invalid, .denied, .forbidden, .waits:
        otherwise()
        guard let answer = RulingAnswer(ruling, tool: proposal.tool) else { return }
        // What is forbidden has its consequence also for those who did not wait to hear it.
        answer.note(in: self.session)
        if response.isOpen { answer.send(to: response, asTool: false) }
        guard answer.isRefusal else { return }
        self.services.tell(
          EffectEvent(
            caller: self.session.caller, phase: .refused, kind: .request, name: proposal.tool, detail: "",
            result: answer.words, duration: .zero))
      }
    }
  }

  /// It was permitted, and could not be announced.
  func withdrew() { if let proposal { services.gate.withdrew(proposal) } }
}

extension EffectRecord {
  /// Which call of its step it is, whichever attempt makes it.
  var slot: String { "\(digest.text)#\(occurrence)" }
}

/// What whoever wanted an action is told instead of it.
struct RulingAnswer {
  private let status: Int
  private let code: String
  private let title: String
  private let message: String
  private var wait: EffectWait?
  private var refusal: BudgetRefusal?

  /// Nil for a permit, after which the action itself answers.
  init?(_ ruling: EffectRuling, tool: String) {
    switch ruling {
    case .permitted: return nil
    case .invalid(let message):
      (status, code, title) = (400, "NX-GAT-093", "Arguments refused")
      self.message = "The arguments of `\(tool)` are not what it takes: \(message)"
    case .denied(let code, let message):
      (status, self.code, title, self.message) = (403, code, "Not approved", message)
    case .forbidden(let refusal):
      (status, code, title, message) = (403, refusal.code, "Forbidden", refusal.message)
      self.refusal = refusal
    case .waits(let wait):
      (status, code, title, message) = (202, "NX-APR-001", "Waits for an approval", wait.message)
      self.wait = wait
    }
  }

  /// Answers with it; as a tool, what an agent can go on with is said as the outcome, so that its model reads it.
  func send(to response: FrontResponse, asTool: Bool) {
    if let wait {
      var body: JSONObject = [
        "approval": .string(wait.approval.text), "status": "waiting", "message": .string(wait.message),
        "hint": "leave with exit 75: the agent is started again once it is decided",
      ]
      body["until"] = wait.until.map { .string($0.iso8601) }
      return response.send(status: status, json: .object(body))
    }
    if asTool, refusal == nil {
      let content: JSONValue = ["error": .string(message), "code": .string(code)]
      return response.send(status: 200, json: ["succeeded": false, "content": content])
    }
    response.send(
      status: status, fields: [EnvironmentVariable("x-should-retry", "false")],
      json: [
        "type": "about:blank", "title": .string(title), "status": .int(Int64(status)), "detail": .string(message),
        "code": .string(code),
      ], type: "application/problem+json")
  }

  /// Remembers a refusal, which ends the attempt if the rules say so.
  func note(in session: AttemptSession) { if let refusal { session.refused(refusal) } }

  /// It is told as a refusal, which ends the attempt if the rules say so.
  var isRefusal: Bool { refusal != nil }

  /// In a few words.
  var words: String { message }
}
