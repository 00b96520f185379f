// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A part of a template, by what has to be done for it.
indirect enum TemplateNode: Sendable, Hashable {
  /// Nothing below refers to anything.
  case constant(JSONValue)
  case reference(Reference)
  case text([Segment])
  case list([TemplateNode])
  case map([Member])

  enum Segment: Sendable, Hashable {
    case literal(String)
    case reference(Reference)
  }

  struct Member: Sendable, Hashable {
    let key: String
    let node: TemplateNode
  }
}

extension TemplateNode {
  init(_ source: JSONValue, depth: Int, _ references: inout Int) throws(ValueSyntaxError) {
    guard depth <= ValueLimits.maxDepth else {
      throw ValueSyntaxError("the value nests deeper than \(ValueLimits.maxDepth) levels", in: "", at: 0)
    }
    switch source {
    case .null, .bool, .int, .double: self = .constant(source)
    case .string(let text): self = try Self.text(text, &references)
    case .array(let elements):
      var nodes: [Self] = []
      for element in elements { nodes.append(try Self(element, depth: depth + 1, &references)) }
      let constants = nodes.compactMap(\.constant)
      self = constants.count == nodes.count ? .constant(.array(constants)) : .list(nodes)
    case .object(let object):
      var members: [Member] = []
      for member in object {
        members.append(Member(key: member.key, node: try Self(member.value, depth: depth + 1, &references)))
      }
      let constants = members.compactMap { member in
        member.node.constant.map { JSONObject.Member(key: member.key, value: $0) }
      }
      self =
        constants.count == members.count
        ? .constant(.object(JSONObject(uniqueMembers: constants))) : .map(members)
    }
  }

  private static func text(_ text: String, _ references: inout Int) throws(ValueSyntaxError) -> Self {
    guard text.utf8.contains(UInt8(ascii: "{")) else {
      guard text.utf8.count <= ValueLimits.maxTextBytes else {
        throw ValueSyntaxError("the text is longer than \(ValueLimits.maxTextBytes) bytes", in: "", at: 0)
      }
      return .constant(.string(text))
    }
    var scanner = try ValueScanner(text, maxBytes: ValueLimits.maxTextBytes)
    var segments: [Segment] = []
    while !scanner.isAtEnd {
      let literal = scanner.takeText(upTo: "{{")
      if !literal.isEmpty { segments.append(.literal(literal)) }
      let start = scanner.index
      guard scanner.skip("{{") else { break }
      scanner.skipSpace()
      guard !scanner.isAtEnd else { throw scanner.error("`{{` has no `}}`", at: start) }
      if scanner.next == "'" || scanner.next == "\"" {
        segments.append(.literal(try scanner.quoted()))
      } else {
        references += 1
        guard references <= ValueLimits.maxReferences else {
          throw scanner.error("there are more than \(ValueLimits.maxReferences) references", at: start)
        }
        segments.append(.reference(try scanner.reference()))
      }
      scanner.skipSpace()
      guard scanner.skip("}}") else {
        if scanner.isAtEnd { throw scanner.error("`{{` has no `}}`", at: start) }
        throw scanner.error("expected `}}` behind the reference, not \(scanner.nextWord)")
      }
    }
    if segments.count == 1, case .reference(let reference) = segments[0] { return .reference(reference) }
    var literals = ""
    for segment in segments {
      guard case .literal(let literal) = segment else { return .text(segments) }
      literals += literal
    }
    return .constant(.string(literals))
  }

  /// The value, if nothing in it is referred to; braces in quotes make it differ from its source.
  private var constant: JSONValue? {
    if case .constant(let value) = self { return value }
    return nil
  }

  func collect(_ found: inout [Reference]) {
    switch self {
    case .constant: break
    case .reference(let reference): found.append(reference)
    case .text(let segments):
      for case .reference(let reference) in segments { found.append(reference) }
    case .list(let nodes): for node in nodes { node.collect(&found) }
    case .map(let members): for member in members { member.node.collect(&found) }
    }
  }

  static let tooLarge = RunError(
    code: "NX-RUN-022",
    message:
      "a value is larger than \(ValueLimits.maxValueBytes) bytes or deeper than \(ValueLimits.maxValueDepth) levels",
    isRetryable: false)

  /// The value, taken from the bytes of `room` that it may still have.
  func value(in scope: some ValueScope, _ room: inout Int) throws(RunError) -> JSONValue {
    switch self {
    case .constant(let value): return value
    case .reference(let reference):
      let value = try reference.value(in: scope)
      guard value.fits(depth: ValueLimits.maxValueDepth, &room) else { throw Self.tooLarge }
      return value
    case .text(let segments):
      var text = ""
      for segment in segments {
        switch segment {
        case .literal(let literal): text += literal
        case .reference(let reference):
          let value = try reference.value(in: scope)
          guard value.fits(depth: ValueLimits.maxValueDepth, &room) else { throw Self.tooLarge }
          if case .string(let inner) = value { text += inner } else { text += value.text() }
        }
      }
      return .string(text)
    case .list(let nodes):
      var elements: [JSONValue] = []
      for node in nodes { elements.append(try node.value(in: scope, &room)) }
      return .array(elements)
    case .map(let members):
      var object: [JSONObject.Member] = []
      for member in members {
        object.append(JSONObject.Member(key: member.key, value: try member.node.value(in: scope, &room)))
      }
      return .object(JSONObject(uniqueMembers: object))
    }
  }
}

extension JSONValue {
  /// Whether it nests no deeper and, as compact JSON without escapes, is no longer than `room`, which it takes up.
  ///
  /// It looks at no more than `room` bytes, however large the value is.
  func fits(depth: Int, _ room: inout Int) -> Bool {
    switch self {
    case .null, .bool: room -= 4
    case .int, .double: room -= 8
    case .string(let text): room -= text.utf8.count + 2
    case .array(let elements):
      guard depth > 0 else { return false }
      room -= 2
      for element in elements {
        room -= 1
        guard room >= 0, element.fits(depth: depth - 1, &room) else { return false }
      }
    case .object(let object):
      guard depth > 0 else { return false }
      room -= 2
      for member in object {
        room -= member.key.utf8.count + 4
        guard room >= 0, member.value.fits(depth: depth - 1, &room) else { return false }
      }
    }
    return room >= 0
  }
}
