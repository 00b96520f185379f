// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The first place where a value differs from a recorded one, in the order of the recorded one.
///
/// Numbers are equal if they are the same number. Where a secret was taken out of a recorded text, any text may stand.
package struct JSONDifference: Sendable, Hashable, CustomStringConvertible {
  /// `$.messages[3].content`.
  package let path: String
  /// Nil where there is nothing.
  package let recorded: JSONValue?
  package let found: JSONValue?

  /// How much of a value is shown.
  private static let shownBytes = 60

  /// The first difference; nil if there is none.
  ///
  /// `ignored` names members of the outermost object that do not count.
  package static func first(
    between recorded: JSONValue, and found: JSONValue, ignoring ignored: Set<String> = []
  ) -> JSONDifference? {
    guard case .object(let left) = recorded, case .object(let right) = found, !ignored.isEmpty else {
      return first(recorded, found, "$")
    }
    func rest(_ object: JSONObject) -> JSONValue {
      .object(JSONObject(uniqueMembers: object.filter { !ignored.contains($0.key) }))
    }
    return first(rest(left), rest(right), "$")
  }

  private static func first(_ left: JSONValue, _ right: JSONValue, _ path: String) -> JSONDifference? {
    switch (left, right) {
    case (.object(let left), .object(let right)):
      for member in left {
        let path = path + step(member.key)
        guard let other = right[member.key] else {
          return JSONDifference(path: path, recorded: member.value, found: nil)
        }
        if let difference = first(member.value, other, path) { return difference }
      }
      guard let more = right.first(where: { left[$0.key] == nil }) else { return nil }
      return JSONDifference(path: path + step(more.key), recorded: nil, found: more.value)
    case (.array(let left), .array(let right)):
      for (index, pair) in zip(left, right).enumerated() {
        if let difference = first(pair.0, pair.1, "\(path)[\(index)]") { return difference }
      }
      guard left.count != right.count else { return nil }
      let index = min(left.count, right.count)
      return JSONDifference(
        path: "\(path)[\(index)]", recorded: index < left.count ? left[index] : nil,
        found: index < right.count ? right[index] : nil)
    case (.string(let left), .string(let right)):
      return fits(left, right) ? nil : JSONDifference(path: path, recorded: .string(left), found: .string(right))
    case (.int, .double), (.double, .int), (.double, .double):
      let isSame = left.encoded(.canonical) == right.encoded(.canonical)
      return isSame ? nil : JSONDifference(path: path, recorded: left, found: right)
    default: return left == right ? nil : JSONDifference(path: path, recorded: left, found: right)
    }
  }

  private static func step(_ key: String) -> String {
    let isPlain =
      !key.isEmpty
      && key.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
      }
    return isPlain ? "." + key : "[" + JSONValue.string(key).text() + "]"
  }

  /// Whether a text is the recorded one, with anything where a secret was taken out.
  package static func fits(_ recorded: String, _ text: String) -> Bool {
    let pieces = Array(recorded.utf8).split(onWord: Array(Redaction.replacement.utf8))
    guard pieces.count > 1, let head = pieces.first, let tail = pieces.last else {
      return recorded.utf8.elementsEqual(text.utf8)
    }
    let bytes = Array(text.utf8)
    guard bytes.count >= head.count + tail.count, bytes.starts(with: head), bytes.suffix(tail.count) == tail else {
      return false
    }
    // The earliest place of each piece leaves most for those behind it.
    var start = head.count
    let end = bytes.count - tail.count
    for piece in pieces.dropFirst().dropLast() {
      guard let place = bytes[start..<end].place(of: piece) else { return false }
      start = place + piece.count
    }
    return true
  }

  package var description: String {
    // What stands in the place of a secret is one, too.
    if let recorded, recorded.text().contains(Redaction.replacement) {
      return "at \(path) the request differs from the recorded one, out of which a secret was taken"
    }
    func shown(_ value: JSONValue?) -> String {
      guard let value else { return "nothing" }
      let text = Redaction.none.apply(to: value.text())
      guard text.utf8.count > Self.shownBytes else { return text }
      return String(decoding: text.utf8.prefix(Self.shownBytes), as: UTF8.self) + "…"
    }
    return "at \(path) the recorded request has \(shown(recorded)), this one \(shown(found))"
  }
}

extension [UInt8] {
  /// The pieces between the places of a word; one if it does not occur.
  fileprivate func split(onWord word: [UInt8]) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while let place = self[start...].place(of: word[...]) {
      pieces.append(self[start..<place])
      start = place + word.count
    }
    return pieces + [self[start...]]
  }
}

extension ArraySlice<UInt8> {
  fileprivate func place(of word: ArraySlice<UInt8>) -> Int? {
    guard let first = word.first else { return startIndex }
    var index = startIndex
    while index + word.count <= endIndex {
      guard let next = self[index...].firstIndex(of: first), next + word.count <= endIndex else { return nil }
      if self[next..<next + word.count] == word { return next }
      index = next + 1
    }
    return nil
  }
}
