// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel

/// What to do with one event of a provider's stream on its way to the agent.
enum StreamVerdict {
  /// Pass these bytes on now.
  case pass(ByteBuffer)
  /// Keep these bytes back until the outcome is written: the stream's last event.
  case last(ByteBuffer)
  /// The agent must not see it.
  case drop
}

/// Reads a provider's stream beside its way to the agent: the usage in it, and where it ends.
struct StreamMeter {
  private let dialect: Dialect
  /// Usage that only we asked for is taken out again.
  private let stripsUsage: Bool
  private var openAIUsage: CallUsage?
  private var anthropicUsage = AnthropicStreamUsage()
  /// The stream said its last word, or an error instead.
  private(set) var isComplete = false
  private(set) var sawError = false

  init(dialect: Dialect, stripsUsage: Bool) {
    self.dialect = dialect
    self.stripsUsage = stripsUsage
  }

  var usage: CallUsage? { dialect == .openai ? openAIUsage : anthropicUsage.final }

  mutating func judge(_ event: ByteBuffer) -> StreamVerdict {
    let bytes = event.readableBytesUInt8Span
    guard let place = StreamEvent(bytes).data, !place.isEmpty else { return .pass(event) }
    switch dialect {
    case .openai: return judgeOpenAI(event, bytes, place)
    case .anthropic: return judgeAnthropic(event, bytes, place)
    case .gemini: return .pass(event)
    }
  }

  private mutating func judgeOpenAI(_ event: ByteBuffer, _ bytes: Span<UInt8>, _ place: Range<Int>) -> StreamVerdict {
    if place.count >= 6, StreamEvent.matches(bytes, place.lowerBound, "[DONE]") {
      isComplete = true
      return .last(event)
    }
    guard let members = try? JSONScan.members(of: bytes, in: place) else { return .pass(event) }
    if members.contains(where: { $0.key == "error" && bytes[$0.value.lowerBound] != UInt8(ascii: "n") }) {
      sawError = true
    }
    guard let index = members.firstIndex(where: { $0.key == "usage" }) else { return .pass(event) }
    let usagePlace = members[index].value
    if bytes[usagePlace.lowerBound] != UInt8(ascii: "n") {
      // The last word counts, and one that cannot be read makes the usage unknown.
      openAIUsage = JSONScan.value(bytes, usagePlace).flatMap { UsageReading.usage(from: $0, dialect: .openai) }
      openAIUsage?.model = members.first { $0.key == "model" }.flatMap { JSONScan.string(bytes, $0.value) }
      openAIUsage?.serviceTier = members.first { $0.key == "service_tier" }.flatMap { JSONScan.string(bytes, $0.value) }
    }
    guard stripsUsage else { return .pass(event) }
    let choices = members.first { $0.key == "choices" }?.value
    let isUsageOnly = choices.map { JSONScan.value(bytes, $0)?.arrayValue?.isEmpty ?? false } ?? true
    let carriesUsage = bytes[usagePlace.lowerBound] != UInt8(ascii: "n")
    if isUsageOnly, carriesUsage { return .drop }
    return .pass(Self.without(members, index, place: place, bytes: bytes, event: event))
  }

  /// The event without one member of its object: the bytes from the comma before it (or to the one behind it).
  private static func without(
    _ members: [ScannedMember], _ index: Int, place: Range<Int>, bytes: Span<UInt8>, event: ByteBuffer
  ) -> ByteBuffer {
    var start: Int
    var end = members[index].value.upperBound
    if index > 0 {
      start = members[index - 1].value.upperBound
    } else {
      start = place.lowerBound
      while bytes[start] != UInt8(ascii: "{") { start += 1 }
      start += 1
      while bytes[end] != UInt8(ascii: ","), bytes[end] != UInt8(ascii: "}") { end += 1 }
      if bytes[end] == UInt8(ascii: ",") { end += 1 }
    }
    var result = ByteBuffer()
    result.reserveCapacity(event.readableBytes)
    let base = event.readerIndex
    if let head = event.getSlice(at: base, length: start) { result.writeImmutableBuffer(head) }
    if let tail = event.getSlice(at: base + end, length: event.readableBytes - end) {
      result.writeImmutableBuffer(tail)
    }
    return result
  }

  private mutating func judgeAnthropic(_ event: ByteBuffer, _ bytes: Span<UInt8>, _ place: Range<Int>) -> StreamVerdict
  {
    guard let members = try? JSONScan.members(of: bytes, in: place),
      let typePlace = members.first(where: { $0.key == "type" })?.value,
      let type = JSONScan.string(bytes, typePlace)
    else { return .pass(event) }
    switch type {
    case "message_start":
      anthropicUsage.messageStart(members.first { $0.key == "message" }.flatMap { JSONScan.value(bytes, $0.value) })
    case "message_delta":
      anthropicUsage.messageDelta(members.first { $0.key == "usage" }.flatMap { JSONScan.value(bytes, $0.value) })
    case "message_stop":
      isComplete = true
      return .last(event)
    case "error": sawError = true
    default: break
    }
    return .pass(event)
  }
}
