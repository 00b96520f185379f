// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// One rule of a script.
struct ScriptedRule: Sendable {
  enum Fault: String, Sendable, CaseIterable {
    case rateLimited = "429"
    case serverError = "500"
    case unavailable = "503"
    case overloaded = "529"
    case timeout
    case cutStream = "cut-stream"
    case malformedJSON = "malformed-json"
    case noUsage = "no-usage"
    case wrongUsage = "wrong-usage"
    /// The answer is billed with more than its cap allows.
    case overCap = "over-cap"
  }

  private static let keys = [
    "match", "answer", "toolCalls", "fault", "usage", "delayMs", "tokensPerSecond", "retryAfterMs", "times",
  ]
  private static let matchKeys = ["contains", "model", "call"]
  private static let longestDelay: Int64 = 3_600_000
  private static let fastest: Int64 = 1_000_000

  /// How many requests it answers; nil for any number.
  let times: Int?
  private let contains: String?
  private let model: String?
  private let call: Int?
  private let content: LocalChatReply.Content
  private let fault: Fault?
  private let usage: LocalUsage?
  private let delay: Duration
  /// How fast a streamed answer comes; nil for at once.
  private let tokensPerSecond: Int64?
  /// What an error says about asking again.
  private let retryAfter: Int64?

  init(_ value: JSONValue, number: Int) throws(ScriptError) {
    func error(_ message: String) -> ScriptError { ScriptError("rule \(number): \(message)") }
    guard case .object(let object) = value else { throw error("it must be an object") }
    if let unknown = object.keys.first(where: { !Self.keys.contains($0) }) {
      throw error("unknown key '\(unknown)'; the keys are \(Self.keys.joined(separator: ", "))")
    }
    let match = object["match"] ?? [:]
    if let unknown = match.objectValue?.keys.first(where: { !Self.matchKeys.contains($0) }) {
      throw error("unknown key 'match.\(unknown)'; the keys are \(Self.matchKeys.joined(separator: ", "))")
    }
    contains = match["contains"]?.stringValue
    model = match["model"]?.stringValue
    call = match["call"]?.intValue.map { Int(clamping: $0) }
    times = object["times"]?.intValue.map { Int(clamping: $0) }
    delay = .milliseconds(min(max(0, object["delayMs"]?.intValue ?? 0), Self.longestDelay))
    tokensPerSecond = object["tokensPerSecond"]?.intValue.map { min(max(1, $0), Self.fastest) }
    retryAfter = object["retryAfterMs"]?.intValue.map { min(max(0, $0), Self.longestDelay) }
    if let written = object["fault"] {
      let text = written.stringValue ?? written.text()
      guard let fault = Fault(rawValue: text) else {
        throw error("unknown fault '\(text)'; the faults are \(Fault.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      self.fault = fault
    } else {
      fault = nil
    }
    usage = object["usage"].map { usage in
      func count(_ key: String) -> Int { Int(clamping: max(0, usage[key]?.intValue ?? 0)) }
      return LocalUsage(inputTokens: count("inputTokens"), outputTokens: count("outputTokens"))
    }
    if let calls = object["toolCalls"]?.arrayValue {
      var parsed: [LocalToolCall] = []
      for item in calls {
        guard let name = item["name"]?.stringValue else { throw error("each of 'toolCalls' needs a 'name'") }
        parsed.append(
          LocalToolCall(id: item["id"]?.stringValue ?? "", name: name, arguments: item["arguments"] ?? [:]))
      }
      content = .toolCalls(parsed)
    } else if let answer = object["answer"] {
      content = .text(answer.stringValue ?? answer.text())
    } else if fault != nil {
      content = .text("ok")
    } else {
      throw error("it needs 'answer', 'toolCalls' or 'fault'")
    }
  }

  func fits(_ request: LocalChatRequest, call number: Int) -> Bool {
    if let call, call != number { return false }
    if let model, model != request.model { return false }
    guard let contains else { return true }
    return request.messages.last { $0.role == .user || $0.role == .tool }?.text.contains(contains) == true
  }

  func reply(
    to request: LocalChatRequest, body: JSONValue, dialect: LocalDialect, _ target: LocalDialect.Target, call: Int
  ) -> ScriptedReply {
    let (content, isCut) = said(to: request, call)
    let counted = LocalUsage(inputTokens: LocalTokens.count(request), outputTokens: Self.billed(content, request))
    var usage = usage ?? counted
    if fault == .wrongUsage, self.usage == nil {
      usage = LocalUsage(inputTokens: counted.inputTokens * 100, outputTokens: counted.outputTokens * 100)
    }
    if fault == .overCap, self.usage == nil {
      usage.outputTokens = (request.maxTokens ?? counted.outputTokens).addingReportingOverflow(1000).partialValue
    }
    let reply = dialect.encode(
      LocalChatReply(content: content, usage: usage, isCut: isCut), to: request, body: body, target,
      withUsage: fault != .noUsage)
    return ScriptedReply(delay: delay, pause: pause(of: reply, counted), act: act(reply, dialect))
  }

  /// What is said, which is cut where the request wants no more; calls of tools are never cut.
  private func said(to request: LocalChatRequest, _ call: Int) -> (LocalChatReply.Content, isCut: Bool) {
    let whole = named(call)
    guard fault == nil, usage == nil, case .text(let text) = whole, let limit = request.maxTokens,
      LocalTokens.count(text) > limit
    else { return (whole, false) }
    return (.text(text.prefix(bytes: limit * 4)), true)
  }

  /// A provider bills no more than it was asked for.
  private static func billed(_ content: LocalChatReply.Content, _ request: LocalChatRequest) -> Int {
    min(LocalTokens.count(content), max(0, request.maxTokens ?? .max))
  }

  /// How long a streamed answer rests between two of its pieces.
  private func pause(of reply: LocalModelReply, _ counted: LocalUsage) -> Duration {
    guard let tokensPerSecond, reply.pieces.count > 1 else { return .zero }
    let whole = Duration.seconds(counted.outputTokens) / tokensPerSecond
    return whole / (reply.pieces.count - 1)
  }

  /// Tool calls without an id get one that says which request they answered.
  private func named(_ call: Int) -> LocalChatReply.Content {
    guard case .toolCalls(let calls) = content else { return content }
    return .toolCalls(
      calls.enumerated().map { index, item in
        var item = item
        if item.id.isEmpty { item.id = "call_\(call)_\(index)" }
        return item
      })
  }

  private func act(_ reply: LocalModelReply, _ dialect: LocalDialect) -> ScriptedReply.Act {
    func failure(_ status: Int, _ type: String, _ message: String) -> ScriptedReply.Act {
      var reply = dialect.failure(status: status, type: type, message: "scripted fault: \(message)")
      if let retryAfter {
        reply.headers.append(.init("retry-after-ms", "\(retryAfter)"))
        reply.headers.append(.init("retry-after", "\((retryAfter + 999) / 1000)"))
      }
      return .respond(reply)
    }
    switch fault {
    case .rateLimited: return failure(429, "rate_limit_error", "too many requests")
    case .serverError:
      return failure(500, dialect.rawValue.hasPrefix("anthropic") ? "api_error" : "server_error", "server error")
    case .unavailable: return failure(503, "overloaded_error", "unavailable")
    case .overloaded: return failure(529, "overloaded_error", "overloaded")
    case .timeout: return .hang
    case .cutStream: return .cut(reply, afterBytes: max(1, reply.bytes.count / 2))
    case .malformedJSON: return .respond(Self.broken(reply))
    case .noUsage, .wrongUsage, .overCap, nil: return .respond(reply)
    }
  }

  /// The reply with its JSON cut short, though the HTTP around it is whole.
  private static func broken(_ reply: LocalModelReply) -> LocalModelReply {
    var reply = reply
    switch reply.content {
    case .body(let bytes): reply.content = .body(Array(bytes.prefix(bytes.count / 2)))
    case .events(var events):
      let middle = events.count / 2
      events[middle].data = String(events[middle].data.prefix(events[middle].data.count / 2))
      reply.content = .events(events)
    case .elements(var elements):
      let middle = elements.count / 2
      elements[middle] = String(elements[middle].prefix(elements[middle].count / 2))
      reply.content = .elements(elements)
    }
    return reply
  }
}
