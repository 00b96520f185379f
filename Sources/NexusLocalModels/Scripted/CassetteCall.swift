// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A model call as it was recorded: what was asked, and what came back, byte for byte.
///
/// It is a rule of a script that answers one request: the one that was recorded, but for the model's name.
package struct CassetteCall: Sendable, Hashable {
  /// `openai.chat`.
  package var api: LocalDialect
  /// `/v1/chat/completions`; with `?alt=json` behind it for a stream that is one array.
  package var path: String
  /// The step that asked; nil in the run of an agent.
  package var step: String?
  /// The body as it was sent, without secrets; nil where it was too long to be recorded.
  package var request: [UInt8]?
  /// What the journal knew the request by; it stands for a body that is not there.
  package var digest: String?
  package var model: String
  package var status: Int
  package var headers: [LocalModelReply.Header]
  package var isStream: Bool
  package var body: [UInt8]
  package var usage: LocalUsage?
  /// A secret was taken out of it.
  package var isRedacted = false

  package init(
    api: LocalDialect, path: String, step: String?, request: [UInt8]?, digest: String?, model: String, status: Int,
    headers: [LocalModelReply.Header], isStream: Bool, body: [UInt8], usage: LocalUsage?
  ) {
    self.api = api
    self.path = path
    self.step = step
    self.request = request
    self.digest = digest
    self.model = model
    self.status = status
    self.headers = headers
    self.isStream = isStream
    self.body = body
    self.usage = usage
  }

  /// The key by which a rule is known to be recorded.
  static let key = "recorded"
  static let keys = [
    key, "path", "step", "request", "digest", "model", "status", "headers", "stream", "body", "bodyHex", "usage",
  ]

  /// Reads a recorded rule.
  init(_ rule: JSONObject, number: Int) throws(ScriptError) {
    func error(_ message: String) -> ScriptError { ScriptError("rule \(number): \(message)") }
    if let unknown = rule.keys.first(where: { !Self.keys.contains($0) }) {
      throw error("unknown key '\(unknown)' of a recorded call; the keys are \(Self.keys.joined(separator: ", "))")
    }
    guard let api = rule[Self.key]?.stringValue.flatMap(LocalDialect.init(rawValue:)) else {
      throw error("'recorded' is one of \(LocalDialect.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let path = rule["path"]?.stringValue, path.hasPrefix("/") else { throw error("'path' begins with a slash") }
    guard let status = rule["status"]?.intValue, (100...599).contains(status) else {
      throw error("'status' is an HTTP status")
    }
    self.init(
      api: api, path: path, step: rule["step"]?.stringValue,
      request: rule["request"]?.stringValue.map { Array($0.utf8) },
      digest: rule["digest"]?.stringValue, model: rule["model"]?.stringValue ?? "", status: Int(status),
      headers: [], isStream: rule["stream"]?.boolValue ?? false, body: [], usage: nil)
    guard request != nil || digest?.utf8.count == Self.digestLength else {
      throw error("it needs the 'request', or its 'digest'")
    }
    for member in rule["headers"]?.objectValue ?? [:] {
      guard let value = member.value.stringValue else { throw error("the values of 'headers' are texts") }
      headers.append(.init(member.key, value))
    }
    if let hex = rule["bodyHex"]?.stringValue {
      guard let bytes = Hexadecimal.decode(hex) else { throw error("'bodyHex' has two digits for each byte") }
      body = bytes
    } else if let text = rule["body"]?.stringValue {
      body = Array(text.utf8)
    } else {
      throw error("it needs a 'body'")
    }
    usage = rule["usage"].map { usage in
      func count(_ key: String) -> Int { Int(clamping: max(0, usage[key]?.intValue ?? 0)) }
      return LocalUsage(inputTokens: count("inputTokens"), outputTokens: count("outputTokens"))
    }
  }

  private static let digestLength = 64

  /// Whether a request is framed as the recorded one was.
  private func isFramed(as target: LocalDialect.Target) -> Bool {
    guard api == .geminiContent else { return true }
    switch target.framing {
    case .array: return path.hasSuffix("?alt=json")
    case .events: return path.hasSuffix(":streamGenerateContent")
    case .whole: return path.hasSuffix(":generateContent")
    }
  }

  /// How a request differs from the recorded one, the model's name aside; nil if it does not.
  func difference(from body: JSONValue, _ dialect: LocalDialect, _ target: LocalDialect.Target) -> String? {
    guard dialect == api else { return "the recorded request is for \(api.rawValue), this one for \(dialect.rawValue)" }
    guard isFramed(as: target) else { return "the recorded request wants its answer in another frame" }
    guard let request else { return "the recorded request was too long to be kept, and has only a digest" }
    guard let recorded = try? JSONValue(parsing: request) else { return "the recorded request is not JSON" }
    return JSONDifference.first(between: recorded, and: body, ignoring: ["model"]).map { "\($0)" }
  }

  /// The answer as it was recorded.
  var reply: LocalModelReply {
    LocalModelReply(status: status, headers: headers, content: .body(withUsage), usage: usage)
  }

  /// A chat stream whose asker did not want to see the usage lost it on its way; the meter is to see it all the same.
  private var withUsage: [UInt8] {
    guard api == .openAIChat, isStream, let usage else { return body }
    let text = String(decoding: body, as: UTF8.self)
    guard !text.contains("\"usage\":{"), !text.contains("\"usage\": {"), let end = text.range(ofLast: "data: [DONE]")
    else { return body }
    let chunk: JSONValue = [
      "id": "", "object": "chat.completion.chunk", "created": 0, "model": .string(model), "choices": [],
      "usage": [
        "prompt_tokens": .int(Int64(usage.inputTokens)), "completion_tokens": .int(Int64(usage.outputTokens)),
        "total_tokens": .int(Int64(usage.inputTokens + usage.outputTokens)),
      ],
    ]
    return Array(text[..<end].utf8) + LocalStreamEvent(data: chunk.text()).bytes + Array(text[end...].utf8)
  }
}

/// Bytes that are no text, as digits.
enum Hexadecimal {
  private static let digits = Array("0123456789abcdef".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  static func decode(_ text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 2)
    for index in stride(from: 0, to: characters.count, by: 2) {
      guard let high = digits.firstIndex(of: characters[index] | 0x20),
        let low = digits.firstIndex(of: characters[index + 1] | 0x20)
      else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}

extension String {
  /// Where the last line that begins so begins.
  fileprivate func range(ofLast word: String) -> String.Index? {
    let text = Array(utf8)
    let word = Array(word.utf8)
    guard text.count >= word.count else { return nil }
    for start in stride(from: text.count - word.count, through: 0, by: -1)
    where (start == 0 || text[start - 1] == 0x0A) && text[start..<start + word.count].elementsEqual(word) {
      return utf8.index(utf8.startIndex, offsetBy: start)
    }
    return nil
  }
}
