// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Reads the usage that providers report, in each dialect's own arithmetic.
///
/// Absent is unknown, and so is what cannot be read or is absurd: nil, and the call is charged what was set aside.
package enum UsageReading {
  /// More tokens than any call can use; whoever says so is not believed.
  static let mostTokens: Int64 = 1 << 40

  // MARK: OpenAI

  /// The names under which OpenAI's APIs count: the input includes what came from a cache.
  struct Names {
    let input: String
    let output: String?
    let inputDetails: String
    let outputDetails: String

    static let chat = Names(
      input: "prompt_tokens", output: "completion_tokens", inputDetails: "prompt_tokens_details",
      outputDetails: "completion_tokens_details")
    static let responses = Names(
      input: "input_tokens", output: "output_tokens", inputDetails: "input_tokens_details",
      outputDetails: "output_tokens_details")
    static let embeddings = Names(
      input: "prompt_tokens", output: nil, inputDetails: "prompt_tokens_details", outputDetails: "")
  }

  static func chat(_ body: Span<UInt8>) -> CallUsage? {
    ScannedObject(body, 0..<body.count).flatMap { openAI($0, body, .chat) }
  }

  static func embeddings(_ body: Span<UInt8>) -> CallUsage? {
    ScannedObject(body, 0..<body.count).flatMap { openAI($0, body, .embeddings) }
  }

  static func response(_ body: Span<UInt8>) -> CallUsage? {
    ScannedObject(body, 0..<body.count).flatMap { response($0, body) }
  }

  /// The usage in a response object; its output tells how often hosted tools were used.
  static func response(_ object: ScannedObject, _ bytes: Span<UInt8>) -> CallUsage? {
    guard var usage = openAI(object, bytes, .responses) else { return nil }
    for members in object.place(bytes, "output").flatMap({ JSONScan.objects(of: bytes, in: $0) }) ?? [] {
      guard let place = members.first(where: { $0.key == "type" })?.value else { continue }
      switch JSONScan.string(bytes, place) {
      case "web_search_call": usage.hosted[.webSearch, default: 0] += 1
      case "file_search_call": usage.hosted[.fileSearch, default: 0] += 1
      default: break
      }
    }
    return usage
  }

  /// The usage in an answer with the members `usage`, `model` and `service_tier`.
  static func openAI(_ object: ScannedObject, _ bytes: Span<UInt8>, _ names: Names) -> CallUsage? {
    guard let place = object.place(bytes, "usage"), let counts = ScannedObject(bytes, place),
      var usage = openAI(counts: counts, bytes, names)
    else { return nil }
    usage.model = object.string(bytes, "model")
    usage.set(.tier, object.string(bytes, "service_tier"))
    return usage
  }

  private static func openAI(counts: ScannedObject, _ bytes: Span<UInt8>, _ names: Names) -> CallUsage? {
    guard let input = counts.details(bytes, names.inputDetails),
      let answer = counts.details(bytes, names.outputDetails), let prompt = counts.tokens(bytes, names.input),
      let output = names.output.map({ counts.tokens(bytes, $0) }) ?? .zero,
      let read = input.part(bytes, "cached_tokens"), let written = input.part(bytes, "cache_write_tokens"),
      let sound = input.part(bytes, "audio_tokens"), let spoken = answer.part(bytes, "audio_tokens"),
      let pictures = answer.part(bytes, "image_tokens")
    else { return nil }
    var usage = CallUsage()
    usage.output = output
    // A part larger than the whole would make the rest negative.
    usage.cacheRead = min(read, prompt)
    usage.cacheWrite5m = min(written, prompt - usage.cacheRead)
    let fresh = prompt - usage.cacheRead - usage.cacheWrite5m
    usage.soundInput = min(sound, fresh)
    usage.uncachedInput = fresh - usage.soundInput
    usage.reasoning = answer.part(bytes, "reasoning_tokens") ?? .zero
    usage.soundOutput = min(spoken, output)
    usage.pictureOutput = min(pictures, output - usage.soundOutput)
    return usage
  }

  // MARK: Values

  /// The number of tokens in a member; nil if there is none or it is absurd.
  static func tokens(_ value: JSONValue?, _ key: String) -> TokenCount? {
    guard let count = value?[key]?.intValue, (0...mostTokens).contains(count) else { return nil }
    return TokenCount(count)
  }

  /// The number of tokens in a member that may be left out; nil if it is there and cannot be read.
  static func part(_ value: JSONValue?, _ key: String) -> TokenCount? {
    guard let value, let count = value[key], !count.isNull else { return .zero }
    return tokens(value, key)
  }
}

/// An object whose members are looked up in its bytes, which need not be built as a value for a few numbers.
struct ScannedObject {
  let members: [ScannedMember]

  /// Nil if it is not an object that can be read in one way only.
  init?(_ bytes: Span<UInt8>, _ place: Range<Int>) {
    guard let members = try? JSONScan.members(of: bytes, in: place) else { return nil }
    self.members = members
  }

  private init() { members = [] }

  /// Where the member's value stands; nil if there is none or it is null.
  func place(_ bytes: Span<UInt8>, _ key: String) -> Range<Int>? {
    guard let place = members.first(where: { $0.key == key })?.value, bytes[place.lowerBound] != UInt8(ascii: "n")
    else { return nil }
    return place
  }

  func string(_ bytes: Span<UInt8>, _ key: String) -> String? {
    place(bytes, key).flatMap { JSONScan.string(bytes, $0) }
  }

  func value(_ bytes: Span<UInt8>, _ key: String) -> JSONValue? {
    place(bytes, key).flatMap { JSONScan.value(bytes, $0) }
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
