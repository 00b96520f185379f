// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Looks through messages and tools for what costs more than its bytes, or less.
struct ContentParts {
  let rules: PartRules
  private(set) var images = 0
  /// Bytes of the body that are pictures, which count as such and not as text.
  private(set) var pictureBytes = 0
  /// Bytes of the body that are sound.
  private(set) var soundBytes = 0
  /// Tools that come with text of the provider's own.
  private(set) var hiddenTexts = 0
  private(set) var hosted: [HostedUse] = []
  /// What has no bound, by name; each name once.
  private(set) var unbounded: [String] = []
  /// What only the model's own limit bounds, by name; each name once.
  private(set) var kept: [String] = []

  private static let messageMembers: Set<String> = ["content", "audio", "images"]
  private static let spoken = ["audio", "images"]
  private static let partMembers: Set<String> = ["type", "content", "source", "output"]
  private static let toolMembers: Set<String> = ["type", "max_uses"]

  /// How much of an unknown name is repeated.
  private static let shownName = 40

  init(rules: PartRules) { self.rules = rules }

  // MARK: Messages

  /// The `messages` of a request, where they stand in its body.
  ///
  /// They are read one by one where they stand: most are text, which need not be built as values to be seen as that,
  /// and of the others no more than one part is ever in memory twice.
  mutating func takeMessages(_ bytes: Span<UInt8>, _ place: Range<Int>) throws(GatewayError) {
    guard var messages = JSONScan.Elements(bytes, place) else { return refuse("messages") }
    var members: [ScannedMember] = []
    while let message = messages.next(bytes) {
      do throws(JSONScanError) {
        try JSONScan.read(&members, of: bytes, in: message)
      } catch {
        // No object, or one that can be read in more than one way.
        refuse("messages")
        continue
      }
      for member in members {
        try Self.refuseLookalike(member.key, of: Self.messageMembers)
        try takeMember(member, bytes)
      }
    }
  }

  private mutating func takeMember(_ member: ScannedMember, _ bytes: Span<UInt8>) throws(GatewayError) {
    let place = member.value
    let first = bytes[place.lowerBound]
    if first == UInt8(ascii: "n") { return }
    if Self.spoken.contains(member.key) { refuse("messages: \(member.key)") }
    if member.key == "content", first != UInt8(ascii: "\"") { return try takeContent(bytes, place) }
    // What cannot be read as a value, half a character say, every reader makes something else of.
    let isReadable =
      first == UInt8(ascii: "\"")
      ? member.isPlainText || JSONScan.isText(bytes, place) : JSONScan.value(bytes, place) != nil
    if !isReadable { refuse("messages") }
  }

  private mutating func takeMessage(_ members: JSONObject) throws(GatewayError) {
    for key in members.keys { try Self.refuseLookalike(key, of: Self.messageMembers) }
    for key in Self.spoken where !(members[key] ?? .null).isNull { refuse("messages: \(key)") }
    try takeContent(members["content"])
  }

  /// Text, or a list of messages, calls and results.
  mutating func takeItems(_ bytes: Span<UInt8>, _ place: Range<Int>) throws(GatewayError) {
    if bytes[place.lowerBound] == UInt8(ascii: "\"") { return }
    guard var items = JSONScan.Elements(bytes, place) else { return refuse("input") }
    while let item = items.next(bytes) {
      guard let members = JSONScan.value(bytes, item)?.objectValue else {
        refuse("input")
        continue
      }
      try takeItem(members)
    }
  }

  private mutating func takeItem(_ members: JSONObject) throws(GatewayError) {
    for key in members.keys { try Self.refuseLookalike(key, of: Self.partMembers) }
    let written = members["type"] ?? .null
    let type = written.stringValue ?? (written.isNull ? "message" : "?")
    if type == "message" {
      // Without content it is the name of an item that the provider keeps.
      if (members["content"] ?? .null).isNull { keep("input: item_reference") }
      try takeMessage(members)
    } else if let rule = rules.items[type] {
      try take(rule, members, named: "input: \(type.prefix(Self.shownName))")
    } else {
      refuse("input: \(type.prefix(Self.shownName))")
    }
  }

  /// Text, nothing, or a list of parts, where it stands in the body.
  mutating func takeContent(_ bytes: Span<UInt8>, _ place: Range<Int>) throws(GatewayError) {
    switch bytes[place.lowerBound] {
    case UInt8(ascii: "\""), UInt8(ascii: "n"): return
    default: break
    }
    guard var parts = JSONScan.Elements(bytes, place) else { return refuse("content") }
    while let part = parts.next(bytes) { try takePart(JSONScan.value(bytes, part) ?? nil) }
  }

  /// Text, nothing, or a list of parts.
  private mutating func takeContent(_ content: JSONValue?) throws(GatewayError) {
    guard let content, !content.isNull, content.stringValue == nil else { return }
    guard let parts = content.arrayValue else { return refuse("content") }
    for part in parts { try takePart(part) }
  }

  private mutating func takePart(_ part: JSONValue) throws(GatewayError) {
    if part.stringValue != nil { return }
    guard let members = part.objectValue else { return refuse("content") }
    for key in members.keys { try Self.refuseLookalike(key, of: Self.partMembers) }
    let type = members["type"]?.stringValue ?? ""
    let name = "content: \(type.prefix(Self.shownName))"
    if let rule = rules.parts[type] { try take(rule, members, named: name) } else { refuse(name) }
  }

  private mutating func take(_ rule: PartRules.Part, _ part: JSONObject, named name: String) throws(GatewayError) {
    switch rule {
    case .text: break
    case .picture(let places):
      images += 1
      for place in places { takePicture(Self.value(at: place, of: part), isData: place.last == "data") }
    case .sound(let place): takeSound(Self.value(at: place, of: part))
    case .nested(let key): try takeContent(part[key])
    case .document:
      let source = part["source"]
      switch source?["type"]?.stringValue {
      case "text": break
      case "content": try takeContent(source?["content"])
      default: keep(name)
      }
    case .sealed(let key): if part[key]?.stringValue?.isEmpty ?? true { keep(name) }
    case .kept: keep(name)
    }
  }

  private static func value(at path: [String], of part: JSONObject) -> JSONValue? {
    path.reduce(JSONValue.object(part)) { $0?[$1] }
  }

  /// A picture in the body itself is a long text that counts as a picture; an address counts as text too, being short.
  mutating func takePicture(_ value: JSONValue?, isData: Bool) {
    guard let text = value?.stringValue, isData || text.hasPrefix("data:image/") else { return }
    pictureBytes += text.utf8.count
  }

  mutating func takeSound(_ value: JSONValue?) {
    guard let data = value?.stringValue, !data.isEmpty else { return refuse("audio") }
    soundBytes += data.utf8.count
  }

  mutating func addPicture() { images += 1 }

  // MARK: Tools

  /// The agent's own tools are text; those that the provider runs itself have fees and turns of their own.
  mutating func takeTools(_ bytes: Span<UInt8>, _ place: Range<Int>) throws(GatewayError) {
    guard var tools = JSONScan.Elements(bytes, place) else { return refuse("tools") }
    while let tool = tools.next(bytes) {
      guard let members = JSONScan.value(bytes, tool)?.objectValue else {
        refuse("tools")
        continue
      }
      for key in members.keys { try Self.refuseLookalike(key, of: Self.toolMembers) }
      guard let type = members["type"], !type.isNull else { continue }
      let name = type.stringValue ?? ""
      if rules.isOwn(name) {
        if rules.hiddenText.contains(where: name.hasPrefix) { hiddenTexts += 1 }
      } else if let (tool, uses) = rules.hosted(name) {
        try takeHosted(tool, uses.flatMap { members[$0] })
      } else {
        refuse("tools: \(name.prefix(Self.shownName))")
      }
    }
  }

  private mutating func takeHosted(_ tool: HostedTool, _ uses: JSONValue?) throws(GatewayError) {
    guard let uses, !uses.isNull else { return hosted.append(HostedUse(tool, nil)) }
    guard let count = uses.intValue, ModelRequest.toolUses.contains(count) else {
      throw GatewayError(.malformedRequest, "'max_uses' must be a number up to \(ModelRequest.toolUses.upperBound).")
    }
    hosted.append(HostedUse(tool, count))
  }

  // MARK: Findings

  mutating func refuse(_ name: String) { Self.note(name, in: &unbounded) }

  mutating func keep(_ name: String) { Self.note(name, in: &kept) }

  /// One name is enough to refuse; so many tell what to leave out, and a hostile body makes no longer list.
  private static let notedNames = 32

  private static func note(_ name: String, in names: inout [String]) {
    if names.count < notedNames, !names.contains(name) { names.append(name) }
  }

  /// Refuses a key that a reader who ignores case would take for one of the names.
  static func refuseLookalike(_ key: String, of names: Set<String>) throws(GatewayError) {
    // What is in small letters already is known as it is spelled, or not at all.
    if key.utf8.allSatisfy({ $0 < 0x80 && !(0x41...0x5A).contains($0) }) { return }
    try MemberSpelling.refuse(key, ifLike: names)
  }
}
