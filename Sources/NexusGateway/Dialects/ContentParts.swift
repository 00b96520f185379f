// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Looks through messages and tools for what costs more than its bytes.
struct ContentParts {
  let dialect: Dialect
  private(set) var images = 0
  /// What has no bound, by name; each name once.
  private(set) var unbounded: [String] = []

  private static let messageMembers: Set<String> = ["content", "audio", "images"]
  private static let spoken = ["audio", "images"]
  private static let partMembers: Set<String> = ["type", "content", "source"]
  private static let toolMembers: Set<String> = ["type"]

  /// How much of an unknown name is repeated.
  private static let shownName = 40

  init(dialect: Dialect) { self.dialect = dialect }

  /// The `messages` of a request, where they stand in its body.
  mutating func takeMessages(_ bytes: Span<UInt8>, _ place: Range<Int>) throws(GatewayError) {
    // Nearly all messages are text, which need not be built as values to be seen as that.
    guard let messages = JSONScan.namesOfTextObjects(bytes, place) else {
      return try takeMessages(JSONScan.value(bytes, place))
    }
    for members in messages {
      for member in members { try RequestMembers.refuseLookalike(member.name, of: Self.messageMembers) }
      for key in Self.spoken where members.contains(where: { $0.name == key && !$0.isNull }) {
        refuse("messages: \(key)")
      }
    }
  }

  /// The `messages` of a request; nil if they are not JSON that can be read in one way only.
  private mutating func takeMessages(_ messages: JSONValue?) throws(GatewayError) {
    guard let messages = messages?.arrayValue else { return refuse("messages") }
    for message in messages {
      guard let members = message.objectValue else {
        refuse("messages")
        continue
      }
      for key in members.keys { try RequestMembers.refuseLookalike(key, of: Self.messageMembers) }
      for key in Self.spoken where !(members[key] ?? .null).isNull { refuse("messages: \(key)") }
      try takeContent(members["content"])
    }
  }

  /// Text, nothing, or a list of parts.
  mutating func takeContent(_ content: JSONValue?) throws(GatewayError) {
    guard let content, !content.isNull, content.stringValue == nil else { return }
    guard let parts = content.arrayValue else { return refuse("content") }
    for part in parts {
      if part.stringValue != nil { continue }
      guard let members = part.objectValue else {
        refuse("content")
        continue
      }
      for key in members.keys { try RequestMembers.refuseLookalike(key, of: Self.partMembers) }
      try takePart(members["type"]?.stringValue ?? "", members)
    }
  }

  private mutating func takePart(_ type: String, _ part: JSONObject) throws(GatewayError) {
    switch (type, dialect) {
    case ("text", _), ("thinking", _): break
    case ("refusal", .openai): break
    case ("image_url", .openai), ("image", .anthropic): images += 1
    case ("tool_use", .anthropic), ("redacted_thinking", .anthropic): break
    case ("tool_result", .anthropic), ("search_result", .anthropic): try takeContent(part["content"])
    case ("document", .anthropic):
      // Only text counts by its bytes: a file's pages count more than they weigh, and of a URL nothing is known.
      let source = part["source"]
      switch source?["type"]?.stringValue {
      case "text": break
      case "content": try takeContent(source?["content"])
      default: refuse("content: document")
      }
    default: refuse("content: \(type.prefix(Self.shownName))")
    }
  }

  /// The agent's own tools are text; those that the provider runs itself have fees and turns of their own.
  mutating func takeTools(_ tools: JSONValue?) throws(GatewayError) {
    guard let tools = tools?.arrayValue else { return refuse("tools") }
    let own: Set<String> = dialect == .openai ? ["function", "custom"] : ["custom"]
    for tool in tools {
      guard let members = tool.objectValue else {
        refuse("tools")
        continue
      }
      for key in members.keys { try RequestMembers.refuseLookalike(key, of: Self.toolMembers) }
      guard let type = members["type"], !type.isNull else { continue }
      let name = type.stringValue ?? ""
      if !own.contains(name) { refuse("tools: \(name.prefix(Self.shownName))") }
    }
  }

  private mutating func refuse(_ name: String) {
    if !unbounded.contains(name) { unbounded.append(name) }
  }
}
