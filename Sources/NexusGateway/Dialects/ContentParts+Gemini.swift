// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Google's parts have no `type`: what a part is, its members say, in camel or snake case.
extension ContentParts {
  private static let plain: Set<String> = [
    "text", "thought", "thoughtsignature", "functioncall", "executablecode", "codeexecutionresult",
  ]
  private static let media: Set<String> = ["mimetype", "data", "displayname", "fileuri"]

  /// The messages of a request: one or a list.
  mutating func takeContents(_ bytes: Span<UInt8>, _ place: Range<Int>) throws(GatewayError) {
    guard var contents = JSONScan.Elements(bytes, place) else { return try takeContents(JSONScan.value(bytes, place)) }
    while let content = contents.next(bytes) { try takeContents(JSONScan.value(bytes, content)) }
  }

  private mutating func takeContents(_ content: JSONValue?) throws(GatewayError) {
    guard let members = content.flatMap(Self.flat) else { return refuse("contents") }
    for member in members where member.key != "role" {
      guard member.key == "parts" else {
        refuse("contents: \(member.key.prefix(40))")
        continue
      }
      try takeParts(member.value)
    }
  }

  private mutating func takeParts(_ parts: JSONValue) throws(GatewayError) {
    if parts.isNull { return }
    for part in parts.arrayValue ?? [parts] {
      guard let members = Self.flat(part) else {
        refuse("parts")
        continue
      }
      for member in members where !member.value.isNull && !Self.plain.contains(member.key) {
        switch member.key {
        case "inlinedata": takeMedia(member.value, isInline: true)
        case "filedata": takeMedia(member.value, isInline: false)
        case "functionresponse": try takeFunctionResponse(member.value)
        default: refuse("parts: \(member.key.prefix(40))")
        }
      }
    }
  }

  /// The answer of a function may hold pictures and files beside its JSON.
  private mutating func takeFunctionResponse(_ response: JSONValue) throws(GatewayError) {
    guard let members = Self.flat(response) else { return refuse("parts: functionResponse") }
    for member in members where member.key == "parts" { try takeParts(member.value) }
  }

  private mutating func takeMedia(_ value: JSONValue, isInline: Bool) {
    guard let members = Self.flat(value), members.allSatisfy({ Self.media.contains($0.key) }) else {
      return refuse("parts: media")
    }
    let type = members.first { $0.key == "mimetype" }?.value.stringValue ?? ""
    let data = members.first { $0.key == "data" }?.value
    if type.hasPrefix("image/") {
      addPicture()
      takePicture(data, isData: true)
    } else if type.hasPrefix("audio/"), isInline {
      takeSound(data)
    } else if type.hasPrefix("text/"), isInline {
      // By its bytes, which are more in base64 than the text itself.
    } else {
      keep("parts: \(type.prefix(40))")
    }
  }

  /// Functions are text; everything else the provider runs, as often as it likes.
  mutating func takeGeminiTools(_ tools: JSONValue?) {
    guard let tools else { return refuse("tools") }
    for tool in tools.arrayValue ?? [tools] {
      guard let members = Self.flat(tool) else {
        refuse("tools")
        continue
      }
      for member in members where member.key != "functiondeclarations" && !member.value.isNull {
        refuse("tools: \(member.key.prefix(40))")
      }
    }
  }

  /// The members of an object under their flat names; nil if it is none, or two of them are the same to the provider.
  static func flat(_ value: JSONValue) -> [JSONObject.Member]? {
    guard let object = value.objectValue, object.count <= JSONScan.maxMembers else { return nil }
    var members: [JSONObject.Member] = []
    for member in object {
      let key = MemberSpelling.flat(member.key)
      if members.contains(where: { $0.key == key }) { return nil }
      members.append(JSONObject.Member(key: key, value: member.value))
    }
    return members
  }
}
