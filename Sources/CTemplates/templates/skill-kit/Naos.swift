// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What a skill in Swift is written with. It gets one JSON value and answers one, or throws an error: it defines
// `func skill(_ input: JSON) throws(SkillError) -> JSON`.

/// A JSON value.
enum JSON {
  case null
  case bool(Bool)
  case int(Int64)
  /// A number that is no `Int64`: its literal, as it was written, so that no digit is lost.
  case number(String)
  case string(String)
  case array([JSON])
  case object([Member])

  struct Member {
    var key: String
    var value: JSON
    init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// The member of that name; nil for null, too: an absent member and a null one mean the same.
  subscript(_ key: StaticString) -> JSON? {
    guard case .object(let members) = self else { return nil }
    for member in members where member.key.has(key) {
      if case .null = member.value { return nil }
      return member.value
    }
    return nil
  }

  var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  var integer: Int64? {
    if case .int(let number) = self { return number }
    return nil
  }

  var boolean: Bool? {
    if case .bool(let truth) = self { return truth }
    return nil
  }

  var elements: [JSON]? {
    if case .array(let elements) = self { return elements }
    return nil
  }
}

/// What a skill answers instead of an output.
struct SkillError: Error {
  /// For programs: lower case letters and underscores.
  var code: String
  /// For whoever reads it.
  var message: String

  init(_ code: String, _ message: String) {
    self.code = code
    self.message = message
  }
}

enum Log: Int32 {
  case debug, info, warning, error

  /// A line for whoever runs the skill; it is no part of the answer.
  func callAsFunction(_ text: String) {
    var text = text
    text.withUTF8 { writeLog(rawValue, $0.baseAddress, $0.count) }
  }
}

/// Sends a request to a host of `net` in skill.yaml.
enum Http {
  /// - Parameters:
  ///   - method: `GET` and the other usual ones.
  ///   - url: the whole address.
  ///   - headers: fields by their names.
  ///   - body: text.
  /// - Returns: `{"succeeded", "content"}`; nil: there is no way to send any.
  static func send(
    _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: String? = nil
  ) -> JSON? {
    var request = "{\"method\":" + quoted(method) + ",\"url\":" + quoted(url) + ",\"headers\":{"
    for index in headers.indices {
      if index > 0 { request += "," }
      request += quoted(headers[index].name) + ":" + quoted(headers[index].value)
    }
    request += "}"
    if let body { request += ",\"body\":" + quoted(body) }
    request += "}"
    return request.withUTF8 { sendRequest($0.baseAddress, $0.count) }.map { JSON($0) }
  }
}

/// Asks a model of `models` in skill.yaml.
enum Model {
  /// Asks, and takes the text that the model answers.
  ///
  /// - Parameters:
  ///   - prompt: the question.
  ///   - system: what stands before it.
  ///   - maxTokens: the longest answer, in tokens.
  ///   - model: one of `models`; nil: the first.
  /// - Returns: its first choice.
  /// - Throws: `no_answer`, with the reason: a budget that is used up, say.
  static func ask(
    _ prompt: String, system: String? = nil, maxTokens: Int64 = 1024, model: String? = nil
  ) throws(SkillError) -> String {
    func message(_ role: String, _ text: String) -> JSON {
      .object([.init("role", .string(role)), .init("content", .string(text))])
    }
    var messages: [JSON] = []
    if let system { messages.append(message("system", system)) }
    messages.append(message("user", prompt))
    var request: [JSON.Member] = [.init("messages", .array(messages)), .init("max_tokens", .int(maxTokens))]
    if let model { request.append(.init("model", .string(model))) }
    guard let answer = send(.object(request)) else { throw SkillError("no_answer", "no model can be asked") }
    let content = answer["content"]
    guard answer["succeeded"]?.boolean == true, let choice = content?["body"]?["choices"]?.elements?.first,
      let text = choice["message"]?["content"]?.text
    else { throw SkillError("no_answer", content?["error"]?.text ?? "the model answered no text") }
    return text
  }

  /// The whole answer to the body of a chat completion: `{"succeeded", "content"}`, with its `body` in the content, or
  /// `error` and `code`; nil: there is no way to ask any.
  static func send(_ request: JSON) -> JSON? {
    var request = request.written
    return request.withUTF8 { askModel($0.baseAddress, $0.count) }.map { JSON($0) }
  }
}

/// What the skill keeps for later calls, with `state: true` in skill.yaml.
enum State {
  /// - Returns: what was kept under the key; nil: nothing was.
  /// - Throws: `no_state`, if nobody can tell.
  static func get(_ key: String) throws(SkillError) -> String? {
    var key = key
    var value: UnsafePointer<UInt8>?
    var length = 0
    switch key.withUTF8({ readValue($0.baseAddress, $0.count, &value, &length) }) {
    case 0: return String(decoding: UnsafeBufferPointer(start: value, count: length), as: UTF8.self)
    case -1: return nil
    default: throw SkillError("no_state", "the state cannot be read")
    }
  }

  /// - Returns: false if it is not kept: it is too long, or this call has read the key, and somebody else has written it
  ///   since; read it again then.
  static func set(_ key: String, _ value: String) -> Bool {
    var key = key
    var value = value
    return key.withUTF8 { key in
      value.withUTF8 { value in writeValue(key.baseAddress, key.count, value.baseAddress, value.count) == 0 }
    }
  }
}

/// A text as JSON writes it, in quotes.
private func quoted(_ text: String) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var bytes: [UInt8] = [0x22]
  for byte in text.utf8 {
    switch byte {
    case 0x22, 0x5C: bytes += [0x5C, byte]
    case 0..<0x20: bytes += [0x5C, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    default: bytes.append(byte)
    }
  }
  bytes.append(0x22)
  return String(bytes: bytes)
}

extension String {
  /// The same bytes.
  ///
  /// `==` on texts asks Unicode what they mean, and brings its tables along: a hundred kilobytes.
  func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

  func has(_ other: StaticString) -> Bool {
    guard utf8.count == other.utf8CodeUnitCount else { return false }
    var index = 0
    let start = other.utf8Start
    for byte in utf8 {
      guard byte == start[index] else { return false }
      index += 1
    }
    return true
  }

  /// What is well-formed of the bytes.
  init(bytes: [UInt8]) { self.init(decoding: bytes, as: UTF8.self) }
  init(bytes: ArraySlice<UInt8>) { self.init(decoding: bytes, as: UTF8.self) }

  var bytes: [UInt8] { Array(utf8) }
}

// MARK: The C half of the kit

@_extern(c, "naos_node_kind") private func nodeKind(_ node: UnsafeRawPointer) -> Int32
@_extern(c, "naos_node_truth") private func nodeTruth(_ node: UnsafeRawPointer) -> Bool
@_extern(c, "naos_node_count") private func nodeCount(_ node: UnsafeRawPointer) -> Int
@_extern(c, "naos_node_first") private func nodeFirst(_ node: UnsafeRawPointer) -> UnsafeRawPointer?
@_extern(c, "naos_node_next") private func nodeNext(_ node: UnsafeRawPointer) -> UnsafeRawPointer?
@_extern(c, "naos_node_text") private func nodeText(_ node: UnsafeRawPointer) -> UnsafePointer<UInt8>?
@_extern(c, "naos_node_text_length") private func nodeTextLength(_ node: UnsafeRawPointer) -> Int
@_extern(c, "naos_node_key") private func nodeKey(_ node: UnsafeRawPointer) -> UnsafePointer<UInt8>?
@_extern(c, "naos_node_key_length") private func nodeKeyLength(_ node: UnsafeRawPointer) -> Int
@_extern(c, "naos_node_integer") private func nodeInteger(
  _ node: UnsafeRawPointer, _ result: UnsafeMutablePointer<Int64>
) -> Bool

@_extern(c, "naos_begin_object") private func beginObject()
@_extern(c, "naos_end_object") private func endObject()
@_extern(c, "naos_begin_array") private func beginArray()
@_extern(c, "naos_end_array") private func endArray()
@_extern(c, "naos_null") private func writeNull()
@_extern(c, "naos_bool") private func writeBool(_ truth: Bool)
@_extern(c, "naos_int") private func writeInt(_ number: Int64)
@_extern(c, "naos_put_key") private func writeKey(_ bytes: UnsafePointer<UInt8>?, _ length: Int)
@_extern(c, "naos_put_string") private func writeString(_ bytes: UnsafePointer<UInt8>?, _ length: Int)
@_extern(c, "naos_put_number") private func writeNumber(_ bytes: UnsafePointer<UInt8>?, _ length: Int)
@_extern(c, "naos_put_log") private func writeLog(_ level: Int32, _ bytes: UnsafePointer<UInt8>?, _ length: Int)
@_extern(c, "naos_send") private func sendRequest(_ bytes: UnsafePointer<UInt8>?, _ length: Int) -> UnsafeRawPointer?
@_extern(c, "naos_ask") private func askModel(_ bytes: UnsafePointer<UInt8>?, _ length: Int) -> UnsafeRawPointer?
@_extern(c, "naos_kept") private func readValue(
  _ key: UnsafePointer<UInt8>?, _ keyLength: Int, _ value: UnsafeMutablePointer<UnsafePointer<UInt8>?>,
  _ length: UnsafeMutablePointer<Int>
) -> Int32
@_extern(c, "naos_keep") private func writeValue(
  _ key: UnsafePointer<UInt8>?, _ keyLength: Int, _ value: UnsafePointer<UInt8>?, _ length: Int
) -> Int32
@_extern(c, "naos_put_failure") private func writeFailure(
  _ code: UnsafePointer<UInt8>?, _ codeLength: Int, _ message: UnsafePointer<UInt8>?, _ messageLength: Int)

extension JSON {
  fileprivate init(_ node: UnsafeRawPointer) {
    switch nodeKind(node) {
    case 1: self = .bool(nodeTruth(node))
    case 2:
      var number: Int64 = 0
      self = nodeInteger(node, &number) ? .int(number) : .number(Self.text(nodeText(node), nodeTextLength(node)))
    case 3: self = .string(Self.text(nodeText(node), nodeTextLength(node)))
    case 4:
      var elements: [JSON] = []
      elements.reserveCapacity(nodeCount(node))
      var next = nodeFirst(node)
      while let element = next {
        elements.append(JSON(element))
        next = nodeNext(element)
      }
      self = .array(elements)
    case 5:
      var members: [Member] = []
      members.reserveCapacity(nodeCount(node))
      var next = nodeFirst(node)
      while let member = next {
        members.append(Member(Self.text(nodeKey(member), nodeKeyLength(member)), JSON(member)))
        next = nodeNext(member)
      }
      self = .object(members)
    default: self = .null
    }
  }

  private static func text(_ start: UnsafePointer<UInt8>?, _ length: Int) -> String {
    String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
  }

  /// The value as JSON.
  var written: String {
    switch self {
    case .null: return "null"
    case .bool(let truth): return truth ? "true" : "false"
    case .int(let number): return Self.digits(number)
    case .number(let literal): return literal
    case .string(let text): return quoted(text)
    case .array(let elements):
      var text = "["
      for index in elements.indices {
        if index > 0 { text += "," }
        text += elements[index].written
      }
      return text + "]"
    case .object(let members):
      var text = "{"
      for index in members.indices {
        if index > 0 { text += "," }
        text += quoted(members[index].key) + ":" + members[index].value.written
      }
      return text + "}"
    }
  }

  private static func digits(_ number: Int64) -> String {
    var rest = number.magnitude
    var reversed: [UInt8] = []
    repeat {
      reversed.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
      rest /= 10
    } while rest > 0
    if number < 0 { reversed.append(0x2D) }
    return String(bytes: Array(reversed.reversed()))
  }

  fileprivate func write() {
    switch self {
    case .null: writeNull()
    case .bool(let truth): writeBool(truth)
    case .int(let number): writeInt(number)
    case .number(let literal): Self.passing(literal, to: writeNumber)
    case .string(let text): Self.passing(text, to: writeString)
    case .array(let elements):
      beginArray()
      for element in elements { element.write() }
      endArray()
    case .object(let members):
      beginObject()
      for member in members {
        Self.passing(member.key, to: writeKey)
        member.value.write()
      }
      endObject()
    }
  }

  private static func passing(_ text: String, to write: (UnsafePointer<UInt8>?, Int) -> Void) {
    var text = text
    text.withUTF8 { write($0.baseAddress, $0.count) }
  }
}

@_cdecl("naos_skill")
func naosSkill(_ input: UnsafeRawPointer) {
  do throws(SkillError) {
    try skill(JSON(input)).write()
  } catch {
    var code = error.code
    var message = error.message
    code.withUTF8 { code in
      message.withUTF8 { message in writeFailure(code.baseAddress, code.count, message.baseAddress, message.count) }
    }
  }
}
