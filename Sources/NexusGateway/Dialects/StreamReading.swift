// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// What to do with one piece of a provider's stream on its way to the agent.
enum StreamVerdict {
  /// Pass these bytes on now.
  case pass(ByteBuffer)
  /// Keep these bytes back: they are the last ones, unless more follow.
  case hold(ByteBuffer)
  /// Keep these bytes back behind those that are kept back already.
  case join(ByteBuffer)
  /// Keep these bytes back until the outcome is written: nothing comes behind them.
  case last(ByteBuffer)
  /// The agent must not see it.
  case drop
}

/// Reads a provider's stream beside its way to the agent: the usage in it, and where it ends.
protocol StreamReading {
  /// What is known for sure; nil while the stream may still change it.
  var usage: CallUsage? { get }
  /// The stream said its last word.
  var isComplete: Bool { get }
  /// The stream told of an error.
  var sawError: Bool { get }

  /// Judges a piece; `data` is the JSON in it, or a word such as `[DONE]`.
  mutating func judge(_ piece: ByteBuffer, data: Range<Int>) -> StreamVerdict
}

/// OpenAI's chat completions: chunks without names, and `[DONE]` at the end.
struct ChatStream: StreamReading {
  /// Usage that only we asked for is taken out again.
  let stripsUsage: Bool
  private(set) var usage: CallUsage?
  private(set) var isComplete = false
  private(set) var sawError = false

  init(stripsUsage: Bool) { self.stripsUsage = stripsUsage }

  mutating func judge(_ piece: ByteBuffer, data: Range<Int>) -> StreamVerdict {
    let bytes = piece.readableBytesUInt8Span
    if data.count >= 6, StreamEvent.matches(bytes, data.lowerBound, "[DONE]") {
      isComplete = true
      return .last(piece)
    }
    guard let object = ScannedObject(bytes, data) else { return .pass(piece) }
    if object.place(bytes, "error") != nil { sawError = true }
    guard let index = object.members.firstIndex(where: { $0.key == "usage" }) else { return .pass(piece) }
    let carriesUsage = object.place(bytes, "usage") != nil
    // The last word counts, and one that cannot be read makes the usage unknown.
    if carriesUsage { usage = UsageReading.openAI(object, bytes, .chat) }
    guard stripsUsage else { return .pass(piece) }
    let choices = object.members.first { $0.key == "choices" }?.value
    let isUsageOnly = choices.map { JSONScan.value(bytes, $0)?.arrayValue?.isEmpty ?? false } ?? true
    if isUsageOnly, carriesUsage { return .drop }
    return .pass(Self.without(object.members, index, data: data, bytes: bytes, piece: piece))
  }

  /// The piece without one member of its object: the bytes from the comma before it (or to the one behind it).
  private static func without(
    _ members: [ScannedMember], _ index: Int, data: Range<Int>, bytes: Span<UInt8>, piece: ByteBuffer
  ) -> ByteBuffer {
    var start: Int
    var end = members[index].value.upperBound
    if index > 0 {
      start = members[index - 1].value.upperBound
    } else {
      start = data.lowerBound
      while bytes[start] != UInt8(ascii: "{") { start += 1 }
      start += 1
      while bytes[end] != UInt8(ascii: ","), bytes[end] != UInt8(ascii: "}") { end += 1 }
      if bytes[end] == UInt8(ascii: ",") { end += 1 }
    }
    var result = ByteBuffer()
    result.reserveCapacity(piece.readableBytes)
    let base = piece.readerIndex
    if let head = piece.getSlice(at: base, length: start) { result.writeImmutableBuffer(head) }
    if let tail = piece.getSlice(at: base + end, length: piece.readableBytes - end) {
      result.writeImmutableBuffer(tail)
    }
    return result
  }
}

/// OpenAI's responses: each event has a type, and the last one carries the whole response.
struct ResponsesStream: StreamReading {
  private(set) var usage: CallUsage?
  private(set) var isComplete = false
  private(set) var sawError = false

  mutating func judge(_ piece: ByteBuffer, data: Range<Int>) -> StreamVerdict {
    let bytes = piece.readableBytesUInt8Span
    guard let object = ScannedObject(bytes, data), let type = object.string(bytes, "type") else { return .pass(piece) }
    switch type {
    case "response.completed", "response.incomplete", "response.failed":
      usage = object.place(bytes, "response").flatMap { ScannedObject(bytes, $0) }
        .flatMap { UsageReading.response($0, bytes) }
      if type == "response.failed" { sawError = true }
      isComplete = true
      return .last(piece)
    case "error": sawError = true
    default: break
    }
    return .pass(piece)
  }
}

/// Anthropic's messages: the input is told at the start, the output at the end.
struct MessageStream: StreamReading {
  private var counts = AnthropicStreamUsage()
  private(set) var isComplete = false
  private(set) var sawError = false
  var usage: CallUsage? { counts.final }

  mutating func judge(_ piece: ByteBuffer, data: Range<Int>) -> StreamVerdict {
    let bytes = piece.readableBytesUInt8Span
    guard let object = ScannedObject(bytes, data), let type = object.string(bytes, "type") else { return .pass(piece) }
    switch type {
    case "message_start": counts.messageStart(object.value(bytes, "message"))
    case "message_delta": counts.messageDelta(object.value(bytes, "usage"))
    case "message_stop":
      isComplete = true
      return .last(piece)
    case "error": sawError = true
    default: break
    }
    return .pass(piece)
  }
}

/// Gemini's contents: every piece tells the usage so far, and one with a reason to finish is the last, as a rule.
struct ContentStream: StreamReading {
  let isArray: Bool
  private var latest: CallUsage?
  private(set) var isComplete = false
  private(set) var sawError = false
  /// Of a stream that broke off nobody knows what its rest came to.
  var usage: CallUsage? { isComplete ? latest : nil }

  init(isArray: Bool) { self.isArray = isArray }

  mutating func judge(_ piece: ByteBuffer, data: Range<Int>) -> StreamVerdict {
    let bytes = piece.readableBytesUInt8Span
    if isArray, data.isEmpty { return .join(piece) }
    guard let object = ScannedObject(bytes, data) else { return .pass(piece) }
    if object.place(bytes, "error") != nil { sawError = true }
    if object.place(bytes, "usageMetadata") != nil { latest = UsageReading.content(object, bytes) }
    let reasons = object.value(bytes, "candidates")?.arrayValue?.compactMap { $0["finishReason"]?.stringValue } ?? []
    if !reasons.isEmpty || object.value(bytes, "promptFeedback")?["blockReason"]?.stringValue != nil {
      isComplete = true
    }
    return isComplete ? .hold(piece) : .pass(piece)
  }
}
