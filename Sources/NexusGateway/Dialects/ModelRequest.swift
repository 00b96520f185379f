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
  /// Members of the body whose cost the body does not bound, such as `prediction` or `mcp_servers`.
  package let unboundedFeatures: [String]
  package let serviceTier: String?

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
  /// Reads a body of the dialect's chat endpoint.
  static func read(_ dialect: Dialect, _ bytes: Span<UInt8>) throws(GatewayError) -> ModelRequest {
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
    var caps: [Int64] = []
    var capPlace: Range<Int>?
    var choices: Int64 = 1
    var streamOptions: Range<Int>?
    var wantsUsage = false
    var hasTools = false
    var hasStructuredOutput = false
    var thinkingBudget: Int64 = 0
    var messageCount = 0
    var unbounded: [String] = []
    var serviceTier: String?
    var isEmpty = true

    init(dialect: Dialect) { self.dialect = dialect }

    mutating func take(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
      isEmpty = false
      let place = member.value
      // A null says the same as leaving the member out, except where it must be overwritten.
      let isNull = bytes[place.lowerBound] == UInt8(ascii: "n")
      switch member.key {
      case "model":
        guard let text = JSONScan.string(bytes, place), !text.isEmpty else { throw expected("model", "a name") }
        model = (text, place)
      case "stream" where !isNull:
        guard let value = JSONScan.boolean(bytes, place) else { throw expected("stream", "true or false") }
        isStream = value
      case "max_tokens", "max_completion_tokens":
        capPlace = place
        if isNull { return }
        guard let value = JSONScan.integer(bytes, place), value >= 0 else {
          throw expected(member.key, "a whole number of tokens")
        }
        caps.append(value)
      case "n" where !isNull && dialect == .openai:
        guard let value = JSONScan.integer(bytes, place), (1...128).contains(value) else {
          throw expected("n", "a number from 1 to 128")
        }
        choices = value
      case "messages": messageCount = elementCount(bytes, place)
      case "tools", "functions": hasTools = !isNull
      case "response_format", "output_format": hasStructuredOutput = !isNull
      case "thinking" where !isNull:
        let budget = JSONScan.value(bytes, place)?["budget_tokens"]?.intValue
        thinkingBudget = max(0, budget ?? 0)
      case "service_tier" where !isNull: serviceTier = JSONScan.string(bytes, place)
      case "stream_options" where dialect == .openai:
        streamOptions = place
        wantsUsage = JSONScan.value(bytes, place)?["include_usage"]?.boolValue ?? false
      case "prediction", "web_search_options", "audio", "mcp_servers", "fallbacks", "container", "context_management":
        if !isNull { unbounded.append(member.key) }
      default: break
      }
    }

    /// An upper bound of the elements of an array: its commas at any depth and one.
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
      guard caps.count < 2 else {
        throw GatewayError(.malformedRequest, "Give max_tokens or max_completion_tokens, not both.")
      }
      var start = 0
      while bytes[start] != UInt8(ascii: "{") { start += 1 }
      return ModelRequest(
        dialect: dialect, model: model.text, isStream: isStream, maxOutput: caps.first, choices: choices,
        bodyBytes: bytes.count, wantsUsage: wantsUsage, hasTools: hasTools, hasStructuredOutput: hasStructuredOutput,
        thinkingBudget: thinkingBudget, messageCount: messageCount, unboundedFeatures: unbounded,
        serviceTier: serviceTier,
        places: Places(
          model: model.place, objectStart: start + 1, isEmptyObject: isEmpty, outputCap: capPlace,
          streamOptions: streamOptions))
    }
  }
}
