// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// OpenAI's embeddings, of a kind, without a model behind them: texts that share words point the same way.
enum OpenAIEmbeddings {
  static let usualDimensions = 256
  static let mostDimensions = 4096

  /// Each text, or list of tokens, is a message of its own.
  static func request(_ body: JSONValue) throws(LocalRequestError) -> LocalChatRequest {
    let texts: [String]
    switch body["input"] {
    case .string(let text)?: texts = [text]
    case .array(let list)?:
      let isTokens = list.first?.intValue != nil
      texts = (isTokens ? [.array(list)] : list).map { $0.stringValue ?? $0.text() }
    default: throw LocalRequestError(message: "'input' must be a text, a list of tokens, or a list of them")
    }
    guard !texts.isEmpty else { throw LocalRequestError(message: "'input' must not be empty") }
    return LocalChatRequest(
      model: body["model"]?.stringValue ?? LocalModel.name,
      messages: texts.map { LocalMessage(role: .user, text: $0) })
  }

  static func answer(_ request: LocalChatRequest, _ body: JSONValue, usage: LocalUsage) -> LocalModelReply {
    let dimensions = min(
      max(1, body["dimensions"]?.intValue.map { Int(clamping: $0) } ?? usualDimensions), mostDimensions)
    let isPacked = body["encoding_format"] == "base64"
    let data = request.messages.enumerated().map { index, message -> JSONValue in
      let vector = vector(of: message.text, dimensions)
      let written: JSONValue =
        isPacked ? .string(packed(vector)) : .array(vector.map { .double(Double($0)) })
      return ["object": "embedding", "index": .int(Int64(index)), "embedding": written]
    }
    let count = JSONValue.int(Int64(usage.inputTokens))
    return .json(
      [
        "object": "list", "data": .array(data), "model": .string(request.model),
        "usage": ["prompt_tokens": count, "total_tokens": count],
      ], usage: LocalUsage(inputTokens: usage.inputTokens, outputTokens: 0))
  }

  /// Each word adds one to a place that its letters choose, up or down; the whole has length 1.
  static func vector(of text: String, _ dimensions: Int) -> [Float] {
    var vector = [Float](repeating: 0, count: dimensions)
    for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
      let hash = UInt64(ContentID.of(String(word)), radix: 16) ?? 0
      vector[Int((hash >> 1) % UInt64(dimensions))] += hash & 1 == 0 ? 1 : -1
    }
    let length = vector.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    guard length > 0 else {
      vector[0] = 1
      return vector
    }
    return vector.map { $0 / length }
  }

  /// The numbers as 32-bit floats, little end first, in base64.
  private static func packed(_ vector: [Float]) -> String {
    let bytes = vector.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> ($0 * 8)) } }
    let text = Base64.encodeURL(bytes).replacing("-", with: "+").replacing("_", with: "/")
    return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
  }
}
