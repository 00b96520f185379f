// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Writes a value as YAML in block style; texts that YAML could take for something else are quoted.
enum YAMLRendering {
  static func document(_ value: JSONValue) -> String {
    switch value {
    case .object(let object) where !object.isEmpty: members(object, indent: "")
    case .array(let elements) where !elements.isEmpty: items(elements, indent: "")
    default: scalar(value) + "\n"
    }
  }

  private static func members(_ object: JSONObject, indent: String) -> String {
    object.map { "\(indent)\(text($0.key)):\(nested($0.value, indent: indent + "  "))" }.joined()
  }

  private static func items(_ elements: [JSONValue], indent: String) -> String {
    elements.map { element in
      switch element {
      case .object(let object) where !object.isEmpty:
        // The first member stands beside the dash.
        "\(indent)- " + members(object, indent: indent + "  ").dropFirst(indent.count + 2)
      case .array(let inner) where !inner.isEmpty:
        "\(indent)- " + items(inner, indent: indent + "  ").dropFirst(indent.count + 2)
      default: "\(indent)- \(scalar(element))\n"
      }
    }.joined()
  }

  private static func nested(_ value: JSONValue, indent: String) -> String {
    switch value {
    case .object(let object) where !object.isEmpty: "\n" + members(object, indent: indent)
    case .array(let elements) where !elements.isEmpty: "\n" + items(elements, indent: indent)
    default: " \(scalar(value))\n"
    }
  }

  private static func scalar(_ value: JSONValue) -> String {
    if case .string(let content) = value { return text(content) }
    return value.text(.compact)
  }

  /// Plain where it can only be read as this text: a letter first, then letters, digits and a few marks.
  private static func text(_ content: String) -> String {
    let isPlain =
      content.utf8.first.map { isLetter($0) } == true
      && content.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "-_./".utf8.contains($0) }
      && !reserved.contains(content.lowercased())
    return isPlain ? content : JSONValue.string(content).text(.compact)
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
  private static let reserved: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
}
