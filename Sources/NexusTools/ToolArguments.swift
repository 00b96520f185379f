// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The arguments of one call; a model wrote them, so each is checked where it is read.
struct ToolArguments: Sendable {
  private static let maxTextLength = 8192

  private let object: JSONObject
  private let tool: String

  init(_ value: JSONValue, tool: String) throws(ToolFailure) {
    guard case .object(let object) = value else { throw ToolFailure("the arguments of \(tool) must be a JSON object") }
    self.object = object
    self.tool = tool
  }

  func requiredText(_ name: String) throws(ToolFailure) -> String {
    guard let text = try text(name), text.contains(where: { !$0.isWhitespace }) else {
      throw ToolFailure("\(tool) needs the argument '\(name)', a text that is not empty")
    }
    return text
  }

  func text(_ name: String) throws(ToolFailure) -> String? {
    switch object[name] {
    case nil, .null?: return nil
    case .string(let text)?:
      guard text.utf8.count <= Self.maxTextLength, !text.utf8.contains(0) else {
        throw ToolFailure("the argument '\(name)' of \(tool) is too long or holds a NUL")
      }
      return text
    default: throw ToolFailure("the argument '\(name)' of \(tool) must be a text")
    }
  }

  /// The number, forced into the range: a model that asks for too much gets what there is.
  func number(_ name: String, in range: ClosedRange<Int>) throws(ToolFailure) -> Int? {
    guard let value = object[name], !value.isNull else { return nil }
    guard let number = value.intValue else { throw ToolFailure("the argument '\(name)' of \(tool) must be an integer") }
    return min(max(Int(clamping: number), range.lowerBound), range.upperBound)
  }

  func flag(_ name: String) throws(ToolFailure) -> Bool {
    guard let value = object[name], !value.isNull else { return false }
    guard let flag = value.boolValue else {
      throw ToolFailure("the argument '\(name)' of \(tool) must be true or false")
    }
    return flag
  }
}
