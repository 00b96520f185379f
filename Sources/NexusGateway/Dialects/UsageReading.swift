// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// Reads the usage that providers report, in each dialect's own arithmetic.
package enum UsageReading {
  /// The usage in a whole response; nil if there is none or the body is not what the dialect says.
  package static func usage(of body: Span<UInt8>, dialect: Dialect) -> CallUsage? {
    guard let members = try? JSONScan.members(of: body, in: 0..<body.count) else { return nil }
    guard let place = members.first(where: { $0.key == "usage" })?.value else { return nil }
    guard var usage = usage(in: body, place, dialect) else { return nil }
    if let model = members.first(where: { $0.key == "model" })?.value { usage.model = JSONScan.string(body, model) }
    if let tier = members.first(where: { $0.key == "service_tier" })?.value {
      usage.serviceTier = JSONScan.string(body, tier)
    }
    return usage
  }

  private static func usage(in body: Span<UInt8>, _ place: Range<Int>, _ dialect: Dialect) -> CallUsage? {
    if dialect == .openai { return openAI(body, place) }
    return JSONScan.value(body, place).flatMap { usage(from: $0, dialect: dialect) }
  }

  /// The usage object of a dialect in buckets that do not overlap; nil if it lacks what is billed or is absurd.
  static func usage(from value: JSONValue, dialect: Dialect) -> CallUsage? {
    switch dialect {
    case .openai: openAI(value)
    case .anthropic: anthropic(value)
    case .gemini: nil
    }
  }

  /// More tokens than any call can use; whoever says so is not believed.
  static let mostTokens: Int64 = 1 << 40

  /// The number of tokens in a member; nil if there is none or it is absurd.
  private static func tokens(_ value: JSONValue?, _ key: String) -> TokenCount? {
    guard let count = value?[key]?.intValue, (0...mostTokens).contains(count) else { return nil }
    return TokenCount(count)
  }

  /// The number of tokens in a member that may be left out; nil if it is there and cannot be read.
  private static func part(_ value: JSONValue?, _ key: String) -> TokenCount? {
    guard let value, let count = value[key], !count.isNull else { return .zero }
    return tokens(value, key)
  }

  private static func openAI(_ value: JSONValue) -> CallUsage? {
    guard let prompt = tokens(value, "prompt_tokens"), let output = tokens(value, "completion_tokens"),
      let read = part(value["prompt_tokens_details"], "cached_tokens"),
      let written = part(value["prompt_tokens_details"], "cache_write_tokens")
    else { return nil }
    let reasoning = part(value["completion_tokens_details"], "reasoning_tokens") ?? .zero
    return openAI(prompt: prompt, output: output, read: read, written: written, reasoning: reasoning)
  }

  /// The same from the bytes of the object, which need not be built as a value for four numbers.
  private static func openAI(_ bytes: Span<UInt8>, _ place: Range<Int>) -> CallUsage? {
    guard let usage = ScannedObject(bytes, place), let input = usage.details(bytes, "prompt_tokens_details"),
      let answer = usage.details(bytes, "completion_tokens_details"),
      let prompt = usage.tokens(bytes, "prompt_tokens"), let output = usage.tokens(bytes, "completion_tokens"),
      let read = input.part(bytes, "cached_tokens"), let written = input.part(bytes, "cache_write_tokens")
    else { return nil }
    let reasoning = answer.part(bytes, "reasoning_tokens") ?? .zero
    return openAI(prompt: prompt, output: output, read: read, written: written, reasoning: reasoning)
  }

  /// Its input includes what came from the cache.
  private static func openAI(
    prompt: TokenCount, output: TokenCount, read: TokenCount, written: TokenCount, reasoning: TokenCount
  ) -> CallUsage {
    var usage = CallUsage()
    usage.output = output
    // A part larger than the whole would make the rest negative.
    usage.cacheRead = min(read, prompt)
    usage.cacheWrite5m = min(written, prompt - usage.cacheRead)
    usage.uncachedInput = prompt - usage.cacheRead - usage.cacheWrite5m
    usage.reasoning = reasoning
    return usage
  }

  /// Its input excludes what went to and came from the cache.
  private static func anthropic(_ value: JSONValue) -> CallUsage? {
    guard let input = tokens(value, "input_tokens"), let output = tokens(value, "output_tokens"),
      let read = part(value, "cache_read_input_tokens"), let written = part(value, "cache_creation_input_tokens"),
      let long = part(value["cache_creation"], "ephemeral_1h_input_tokens")
    else { return nil }
    var usage = CallUsage()
    usage.uncachedInput = input
    usage.output = output
    usage.cacheRead = read
    usage.cacheWrite1h = min(long, written)
    usage.cacheWrite5m = written - usage.cacheWrite1h
    usage.serviceTier = value["service_tier"]?.stringValue
    return usage
  }
}

/// An object whose members are looked up in its bytes.
private struct ScannedObject {
  private let members: [ScannedMember]

  /// Nil if it is not an object that can be read in one way only.
  init?(_ bytes: Span<UInt8>, _ place: Range<Int>) {
    guard let members = try? JSONScan.members(of: bytes, in: place) else { return nil }
    self.members = members
  }

  private init() { members = [] }

  /// The member's value; nil if there is none or it is null.
  private func place(_ bytes: Span<UInt8>, _ key: String) -> Range<Int>? {
    guard let place = members.first(where: { $0.key == key })?.value, bytes[place.lowerBound] != UInt8(ascii: "n")
    else { return nil }
    return place
  }

  /// The object in a member, an empty one where it is no object; nil if it cannot be read.
  func details(_ bytes: Span<UInt8>, _ key: String) -> ScannedObject? {
    guard let place = place(bytes, key), bytes[place.lowerBound] == UInt8(ascii: "{") else { return ScannedObject() }
    return ScannedObject(bytes, place)
  }

  /// The number of tokens in a member; nil if there is none or it is absurd.
  func tokens(_ bytes: Span<UInt8>, _ key: String) -> TokenCount? {
    guard let place = place(bytes, key), let count = JSONScan.integer(bytes, place),
      (0...UsageReading.mostTokens).contains(count)
    else { return nil }
    return TokenCount(count)
  }

  /// The number of tokens in a member that may be left out; nil if it is there and cannot be read.
  func part(_ bytes: Span<UInt8>, _ key: String) -> TokenCount? {
    place(bytes, key) == nil ? .zero : tokens(bytes, key)
  }
}

/// Follows the usage through an Anthropic stream: never added up, the later word replaces the earlier.
struct AnthropicStreamUsage {
  private var input: JSONValue?
  /// The last word on it; nil while only the start has spoken.
  private var output: JSONValue?
  private(set) var model: String?

  mutating func messageStart(_ message: JSONValue?) {
    model = message?["model"]?.stringValue
    input = message?["usage"]
    output = nil
  }

  mutating func messageDelta(_ usage: JSONValue?) {
    guard let usage else { return }
    let sides = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
    // Emulations put the whole prompt into the start and split it only here, so the whole input side is replaced.
    if sides.contains(where: { (usage[$0]?.intValue ?? 0) > 0 }) { input = usage }
    if let count = usage["output_tokens"], !count.isNull { output = count }
  }

  /// The usage of the whole stream; nil while the output's final count has not come.
  var final: CallUsage? {
    guard let output, let input else { return nil }
    var complete = input.objectValue ?? JSONObject()
    if (complete["input_tokens"] ?? .null).isNull { complete["input_tokens"] = 0 }
    complete["output_tokens"] = output
    var usage = UsageReading.usage(from: .object(complete), dialect: .anthropic)
    usage?.model = model
    return usage
  }
}
