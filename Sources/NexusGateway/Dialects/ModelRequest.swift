// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// What the gateway reads of a model request; the rest passes through unread.
package struct ModelRequest: Sendable, Hashable {
  package let dialect: Dialect
  /// As the agent wrote it.
  package let model: String
  package let isStream: Bool
  /// The cap on output tokens that the body states; nil for none.
  package let maxOutput: Int64?
  /// How many answers are asked for (`n`).
  package let choices: Int64
  package let bodyBytes: Int
  /// Whether the agent itself asked for the usage at the end of a stream.
  package let wantsUsage: Bool
  package let hasTools: Bool
  /// Whether the shape of the answer is prescribed by a schema.
  package let hasStructuredOutput: Bool
  package let thinkingBudget: Int64
  package let messageCount: Int
  /// Pictures in messages, whichever way they are given.
  package let images: Int
  /// Members of the body whose cost the body does not bound, such as `prediction` or `mcp_servers`.
  package let unboundedFeatures: [String]

  /// Where things stand in the body, for the rewriting.
  let places: Places

  struct Places: Sendable, Hashable {
    var model: Range<Int>
    var objectStart: Int
    var isEmptyObject: Bool
    var outputCap: Range<Int>?
    var streamOptions: Range<Int>?
  }
}

extension ModelRequest {
  /// The most tokens of thought that a request may ask for; no model comes near.
  static let maxThinkingBudget: Int64 = 1 << 32

  /// Reads a body of the dialect's chat endpoint.
  package static func read(_ dialect: Dialect, _ bytes: Span<UInt8>) throws(GatewayError) -> ModelRequest {
    let members: [ScannedMember]
    do {
      members = try JSONScan.members(of: bytes, in: 0..<bytes.count)
    } catch {
      throw GatewayError(
        .malformedRequest, "The body is not the JSON object expected: \(error.message) at byte \(error.offset).")
    }
    guard (try? UTF8Span(validating: bytes)) != nil else {
      throw GatewayError(.malformedRequest, "The body is not valid UTF-8.")
    }
    var reader = Reader(dialect: dialect)
    for member in members { try reader.take(member, bytes) }
    return try reader.finish(bytes)
  }

  /// Collects the members one by one.
  private struct Reader {
    let dialect: Dialect
    var model: (text: String, place: Range<Int>)?
    var isStream = false
    var cap: (value: Int64?, place: Range<Int>)?
    var choices: Int64 = 1
    var streamOptions: Range<Int>?
    var wantsUsage = false
    var hasTools = false
    var hasStructuredOutput = false
    var thinkingBudget: Int64 = 0
    var messageCount = 0
    var unbounded: [String] = []
    var content: ContentParts
    var isEmpty = true

    init(dialect: Dialect) {
      self.dialect = dialect
      content = ContentParts(dialect: dialect)
    }

    mutating func take(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
      isEmpty = false
      try RequestMembers.refuseLookalike(member.key)
      let place = member.value
      switch member.key {
      case "model":
        guard let text = JSONScan.string(bytes, place), !text.isEmpty else { throw expected("model", "a name") }
        model = (text, place)
      // Also where they are null, because then they must be overwritten.
      case "max_tokens", "max_completion_tokens": try takeCap(member, bytes)
      case "stream_options" where dialect == .openai: try takeStreamOptions(place, bytes)
      // Any other null says the same as leaving the member out.
      default: if bytes[place.lowerBound] != UInt8(ascii: "n") { try takeValue(member, bytes) }
      }
    }

    private mutating func takeValue(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
      let place = member.value
      switch member.key {
      case "stream":
        guard let value = JSONScan.boolean(bytes, place) else { throw expected("stream", "true or false") }
        isStream = value
      case "n" where dialect == .openai:
        guard let value = JSONScan.integer(bytes, place), (1...128).contains(value) else {
          throw expected("n", "a number from 1 to 128")
        }
        choices = value
      case "messages":
        messageCount = elementCount(bytes, place)
        try content.takeMessages(bytes, place)
      case "system": try content.takeContent(JSONScan.value(bytes, place))
      case "tools":
        hasTools = true
        try content.takeTools(JSONScan.value(bytes, place))
      case "functions": hasTools = true
      case "response_format", "output_format", "output_config": hasStructuredOutput = true
      case "thinking": try takeThinking(place, bytes)
      case "service_tier": takeOption(member, bytes, listPriced: ["default", "standard_only", "flex", "batch"])
      case "speed": takeOption(member, bytes, listPriced: ["standard"])
      case "inference_geo": takeOption(member, bytes, listPriced: ["global"])
      case "modalities": if JSONScan.value(bytes, place) != ["text"] { unbounded.append(member.key) }
      default:
        if !RequestMembers.isFree(member.key, dialect: dialect) { unbounded.append(String(member.key.prefix(40))) }
      }
    }

    private mutating func takeCap(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
      guard RequestMembers.caps(dialect).contains(member.key) else {
        throw GatewayError(.malformedRequest, "'\(member.key)' caps nothing at this endpoint; give max_tokens.")
      }
      // Even a null beside the other name: which of the two a provider goes by is its own affair.
      guard cap == nil else {
        throw GatewayError(.malformedRequest, "Give max_tokens or max_completion_tokens, not both.")
      }
      guard bytes[member.value.lowerBound] != UInt8(ascii: "n") else {
        cap = (nil, member.value)
        return
      }
      // Servers of OpenAI's dialect may take 0 for no cap at all.
      guard let value = JSONScan.integer(bytes, member.value), value >= (dialect == .openai ? 1 : 0) else {
        throw expected(member.key, "a whole number of tokens")
      }
      cap = (value, member.value)
    }

    private mutating func takeThinking(_ place: Range<Int>, _ bytes: Span<UInt8>) throws(GatewayError) {
      guard let thinking = JSONScan.value(bytes, place)?.objectValue else { throw expected("thinking", "an object") }
      for key in thinking.keys { try RequestMembers.refuseLookalike(key, of: ["budget_tokens"]) }
      guard let budget = thinking["budget_tokens"], !budget.isNull else { return }
      guard let tokens = budget.intValue, (0...maxThinkingBudget).contains(tokens) else {
        throw expected("thinking.budget_tokens", "a number of tokens up to \(maxThinkingBudget)")
      }
      thinkingBudget = tokens
    }

    private mutating func takeStreamOptions(_ place: Range<Int>, _ bytes: Span<UInt8>) throws(GatewayError) {
      streamOptions = place
      guard let options = JSONScan.value(bytes, place), options.isNull || options.objectValue != nil else {
        throw expected("stream_options", "an object")
      }
      for key in options.objectValue?.keys ?? [] { try RequestMembers.refuseLookalike(key, of: ["include_usage"]) }
      guard let wants = options["include_usage"], !wants.isNull else { return }
      guard let value = wants.boolValue else { throw expected("stream_options.include_usage", "true or false") }
      wantsUsage = value
    }

    /// A choice of the provider's service; what is not sold at the prices we know has no bound.
    private mutating func takeOption(_ member: ScannedMember, _ bytes: Span<UInt8>, listPriced: Set<String>) {
      let value = JSONScan.string(bytes, member.value)
      if let value, listPriced.contains(value) { return }
      unbounded.append("\(member.key): \((value ?? "?").prefix(40))")
    }

    /// An upper bound of the elements of an array: the objects in it at any depth.
    private func elementCount(_ bytes: Span<UInt8>, _ place: Range<Int>) -> Int {
      var count = 0
      for index in place where bytes[index] == UInt8(ascii: "{") { count += 1 }
      return count
    }

    private func expected(_ member: String, _ what: String) -> GatewayError {
      GatewayError(.malformedRequest, "'\(member)' must be \(what).")
    }

    func finish(_ bytes: Span<UInt8>) throws(GatewayError) -> ModelRequest {
      guard let model else { throw GatewayError(.malformedRequest, "'model' is missing.") }
      var start = 0
      while bytes[start] != UInt8(ascii: "{") { start += 1 }
      return ModelRequest(
        dialect: dialect, model: model.text, isStream: isStream, maxOutput: cap?.value, choices: choices,
        bodyBytes: bytes.count, wantsUsage: wantsUsage, hasTools: hasTools, hasStructuredOutput: hasStructuredOutput,
        thinkingBudget: thinkingBudget, messageCount: messageCount, images: content.images,
        unboundedFeatures: unbounded + content.unbounded,
        places: Places(
          model: model.place, objectStart: start + 1, isEmptyObject: isEmpty, outputCap: cap?.place,
          streamOptions: streamOptions))
    }
  }
}
