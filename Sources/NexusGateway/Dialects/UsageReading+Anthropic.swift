// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Anthropic's input excludes what went to and came from the cache.
extension UsageReading {
  static func message(_ body: Span<UInt8>) -> CallUsage? {
    guard let object = ScannedObject(body, 0..<body.count), let value = object.value(body, "usage"),
      var usage = message(value)
    else { return nil }
    usage.model = object.string(body, "model")
    return usage
  }

  static func message(_ value: JSONValue) -> CallUsage? {
    guard var usage = counts(value) else { return nil }
    // Where a request took several passes, the counts beside the list leave some of them out.
    if let passes = value["iterations"]?.arrayValue, !passes.isEmpty {
      var sum = CallUsage()
      for pass in passes {
        guard let counts = counts(pass) else { return nil }
        sum.add(counts)
      }
      if sum.total > usage.total { usage = sum }
    }
    let tools = value["server_tool_use"]
    guard let searches = part(tools, "web_search_requests"), let fetches = part(tools, "web_fetch_requests") else {
      return nil
    }
    if searches > .zero { usage.hosted[.webSearch] = searches.value }
    if fetches > .zero { usage.hosted[.webFetch] = fetches.value }
    usage.set(.tier, value["service_tier"]?.stringValue)
    usage.set(.speed, value["speed"]?.stringValue)
    usage.set(.geo, value["inference_geo"]?.stringValue)
    return usage
  }

  private static func counts(_ value: JSONValue) -> CallUsage? {
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
    usage.reasoning = part(value["output_tokens_details"], "thinking_tokens") ?? .zero
    return usage
  }
}

/// Follows the usage through an Anthropic stream: never added up, the later word replaces the earlier.
struct AnthropicStreamUsage {
  private var input: JSONValue?
  /// The last word on it; nil while only the start has spoken.
  private var output: JSONValue?
  /// The last word on what is neither input nor output.
  private var others = JSONObject()
  private(set) var model: String?

  private static let inputSide = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
  private static let otherSides = [
    "server_tool_use", "output_tokens_details", "iterations", "service_tier", "speed", "inference_geo",
  ]

  mutating func messageStart(_ message: JSONValue?) {
    model = message?["model"]?.stringValue
    input = message?["usage"]
    output = nil
    others = JSONObject()
  }

  mutating func messageDelta(_ usage: JSONValue?) {
    guard let usage else { return }
    // Emulations put the whole prompt into the start and split it only here, so the whole input side is replaced.
    if Self.inputSide.contains(where: { (usage[$0]?.intValue ?? 0) > 0 }) { replaceInput(usage) }
    for key in Self.otherSides {
      if let value = usage[key], !value.isNull { others[key] = value }
    }
    if let count = usage["output_tokens"], !count.isNull { output = count }
  }

  private mutating func replaceInput(_ usage: JSONValue) {
    var later = usage.objectValue ?? JSONObject()
    let written = "cache_creation_input_tokens"
    // How long entries of the cache live is said at the start alone.
    if (later["cache_creation"] ?? .null).isNull, later[written] == input?[written],
      let split = input?["cache_creation"]
    {
      later["cache_creation"] = split
    }
    for key in Self.otherSides where later[key] == nil {
      if let value = input?[key] { later[key] = value }
    }
    input = .object(later)
  }

  /// The usage of the whole stream; nil while the output's final count has not come.
  var final: CallUsage? {
    guard let output, let input else { return nil }
    var complete = input.objectValue ?? JSONObject()
    if (complete["input_tokens"] ?? .null).isNull { complete["input_tokens"] = 0 }
    complete["output_tokens"] = output
    for member in others { complete[member.key] = member.value }
    var usage = UsageReading.message(.object(complete))
    usage?.model = model
    return usage
  }
}
