// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Gemini's prompt includes what came from a cache; thoughts, and the text of its own tools, are counted beside it.
extension UsageReading {
  static func content(_ body: Span<UInt8>) -> CallUsage? {
    ScannedObject(body, 0..<body.count).flatMap { content($0, body) }
  }

  static func content(_ object: ScannedObject, _ bytes: Span<UInt8>) -> CallUsage? {
    guard let value = object.value(bytes, "usageMetadata"), var usage = content(value) else { return nil }
    usage.model = object.string(bytes, "modelVersion")
    return usage
  }

  private static func content(_ value: JSONValue) -> CallUsage? {
    guard let prompt = tokens(value, "promptTokenCount"), let read = part(value, "cachedContentTokenCount"),
      let answer = part(value, "candidatesTokenCount"), let thoughts = part(value, "thoughtsTokenCount"),
      let tools = part(value, "toolUsePromptTokenCount"), let sound = modality("AUDIO", value["promptTokensDetails"]),
      let cachedSound = modality("AUDIO", value["cacheTokensDetails"]),
      let spoken = modality("AUDIO", value["candidatesTokensDetails"]),
      let pictures = modality("IMAGE", value["candidatesTokensDetails"])
    else { return nil }
    var usage = CallUsage()
    usage.cacheRead = min(read, prompt)
    let fresh = prompt - usage.cacheRead
    usage.soundInput = min(max(sound - cachedSound, .zero), fresh)
    usage.uncachedInput = fresh - usage.soundInput + tools
    usage.output = answer + thoughts
    usage.reasoning = thoughts
    usage.soundOutput = min(spoken, answer)
    usage.pictureOutput = min(pictures, answer - usage.soundOutput)
    if let tier = value["serviceTier"]?.stringValue { usage.set(.tier, tier) }
    return usage
  }

  /// The tokens of one kind in a list by kinds; nil if they are there and cannot be read.
  private static func modality(_ kind: String, _ list: JSONValue?) -> TokenCount? {
    var sum = TokenCount.zero
    for entry in list?.arrayValue ?? [] where entry["modality"]?.stringValue == kind {
      guard let count = part(entry, "tokenCount") else { return nil }
      sum += count
    }
    return sum
  }
}
