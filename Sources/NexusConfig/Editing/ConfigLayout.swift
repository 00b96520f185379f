// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

/// The lines of a configuration, and which of them hold its agents and supervisors.
struct ConfigLayout {
  let documents: [YAMLNode]
  /// Every line with its break.
  let lines: [String]
  private let lineBreak: String

  init(text: String, documents: [YAMLNode]) {
    self.documents = documents
    var lines: [String] = []
    var rest = Substring(text).unicodeScalars
    for line in SourceFile(name: "", text: text).lines {
      // The break is whatever stands between this line's end and the next line's start.
      var length = line.count
      let after = rest.dropFirst(length)
      if let first = after.first { length += first == "\r" && after.dropFirst().first == "\n" ? 2 : 1 }
      let whole = rest.prefix(length)
      lines.append(String(whole))
      rest = rest.dropFirst(length)
    }
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    self.lines = lines
    lineBreak = text.unicodeScalars.contains("\r") ? "\r\n" : "\n"
  }

  // MARK: Finding

  func place(of name: String, _ kind: EditedKind) -> NamedPlace? { places(kind).first { $0.name == name } }

  func places(_ kind: EditedKind) -> [NamedPlace] {
    var places: [NamedPlace] = []
    for document in documents {
      guard case .mapping(let entries) = document.content else { continue }
      for entry in entries where entry.key == kind.plural { places += self.places(in: entry.value) }
      for entry in entries where entry.key == kind.singular {
        guard let name = Self.name(of: entry.value) else { continue }
        places.append(
          NamedPlace(
            name: name, location: entry.keyLocation, lines: range(of: entry), body: entry.value, key: entry.keyStart))
      }
    }
    return places
  }

  private func places(in collection: YAMLNode) -> [NamedPlace] {
    switch collection.content {
    case .scalar: return []
    case .mapping(let entries):
      return entries.map { entry in
        NamedPlace(
          name: entry.key, location: entry.keyLocation, lines: collection.isFlow ? nil : range(of: entry),
          body: entry.value, key: entry.keyStart)
      }
    case .sequence(let items):
      return items.compactMap { item in
        guard let name = Self.name(of: item) else { return nil }
        let starts = collection.isFlow ? nil : line(item.start.line, beginsWith: "-", before: item.start.column)
        let end = lastLine(of: item) + 1
        let lines = starts != nil && item.start.line < end ? item.start.line..<end : nil
        return NamedPlace(name: name, location: item.location, lines: lines, body: item, key: nil)
      }
    }
  }

  private static func name(of node: YAMLNode) -> String? {
    guard case .mapping(let entries) = node.content, let entry = entries.first(where: { $0.key == "name" }),
      case .scalar(let scalar) = entry.value.content
    else { return nil }
    return scalar.text
  }

  /// The lines of a key and its value; nil if the key does not begin its line.
  private func range(of entry: YAMLEntry) -> Range<Int>? {
    let start = entry.keyStart
    guard start.line < lines.count, lines[start.line].prefix(start.column).allSatisfy({ $0 == " " }) else { return nil }
    let end = lastLine(of: entry) + 1
    return start.line < end ? start.line..<end : nil
  }

  private func line(_ index: Int, beginsWith dash: Character, before column: Int) -> Int? {
    guard index < lines.count else { return nil }
    let head = lines[index].prefix(column).drop { $0 == " " }
    return head.first == dash && head.dropFirst().allSatisfy { $0 == " " } ? index : nil
  }

  private func lastLine(of entry: YAMLEntry) -> Int { max(entry.keyStart.line, lastLine(of: entry.value)) }

  /// The last line that holds something of the node; libyaml's own end lies behind the comments that follow.
  func lastLine(of node: YAMLNode) -> Int {
    switch node.content {
    case .scalar: return node.end.column == 0 && node.end.line > node.start.line ? node.end.line - 1 : node.end.line
    case .sequence(let items):
      return node.isFlow ? node.end.line : items.map { lastLine(of: $0) }.max() ?? node.start.line
    case .mapping(let entries):
      return node.isFlow ? node.end.line : entries.map { lastLine(of: $0) }.max() ?? node.start.line
    }
  }

  // MARK: Changing

  /// The text with one more of a kind; nil if there is no safe place.
  func adding(name: String, block: String, _ kind: EditedKind) -> String? {
    let opening = kind.plural + ":"
    for document in documents {
      guard case .mapping(let entries) = document.content, let entry = entries.first(where: { $0.key == kind.plural })
      else { continue }
      return document.isFlow ? nil : adding(name, block, below: entry)
    }
    guard let last = documents.last else {
      return inserting([opening] + indented(name, block, by: 2), at: lines.count)
    }
    if last.isNull { return inserting([opening] + indented(name, block, by: 2), at: lines.count) }
    guard case .mapping = last.content, !last.isFlow else { return nil }
    let margin = String(repeating: " ", count: last.start.column)
    return inserting(
      [margin + opening] + indented(name, block, by: last.start.column + 2), at: lastLine(of: last) + 1)
  }

  private func adding(_ name: String, _ block: String, below entry: YAMLEntry) -> String? {
    let value = entry.value
    if value.isNull {
      return inserting(indented(name, block, by: entry.keyStart.column + 2), at: entry.keyStart.line + 1)
    }
    switch value.content {
    case .scalar: return nil
    case .mapping(let members) where members.isEmpty: return replacingEmpty(entry, name, block)
    case .sequence(let items) where items.isEmpty: return replacingEmpty(entry, name, block)
    case .mapping(let members):
      guard !value.isFlow, let first = members.first, first.keyStart.line > entry.keyStart.line else { return nil }
      return inserting(indented(name, block, by: first.keyStart.column), at: lastLine(of: value) + 1)
    case .sequence:
      guard !value.isFlow, value.start.line > entry.keyStart.line else { return nil }
      let margin = String(repeating: " ", count: value.start.column)
      let body = Self.lines(of: block).map { $0.isEmpty ? "" : margin + "  " + $0 }
      return inserting([margin + "- name: \(name)"] + body, at: lastLine(of: value) + 1)
    }
  }

  /// `agents: {}` becomes `agents:` and a block.
  private func replacingEmpty(_ entry: YAMLEntry, _ name: String, _ block: String) -> String? {
    let value = entry.value
    guard value.start.line == entry.keyStart.line, value.end.line == value.start.line else { return nil }
    var copy = lines
    var scalars = Array(copy[value.start.line].unicodeScalars)
    guard value.end.column <= scalars.count else { return nil }
    var start = value.start.column
    while start > 0, scalars[start - 1] == " " { start -= 1 }
    scalars.removeSubrange(start..<value.end.column)
    var line = String.UnicodeScalarView()
    line.append(contentsOf: scalars)
    copy[value.start.line] = String(line)
    return Self.text(
      copy, inserting: indented(name, block, by: entry.keyStart.column + 2), at: value.start.line + 1,
      lineBreak: lineBreak)
  }

  func removing(_ place: NamedPlace) -> String? {
    guard let range = place.lines, range.upperBound <= lines.count else { return nil }
    var copy = lines
    copy.removeSubrange(range)
    return copy.joined()
  }

  private func indented(_ name: String, _ block: String, by column: Int) -> [String] {
    let margin = String(repeating: " ", count: column)
    return ["\(margin)\(name):"] + Self.lines(of: block).map { $0.isEmpty ? "" : margin + "  " + $0 }
  }

  private static func lines(of block: String) -> [Substring] {
    var lines = block.split(separator: "\n", omittingEmptySubsequences: false)
    while lines.last?.isEmpty ?? false { lines.removeLast() }
    return lines
  }

  func inserting(_ new: [String], at index: Int) -> String {
    Self.text(lines, inserting: new, at: index, lineBreak: lineBreak)
  }

  private static func text(_ lines: [String], inserting new: [String], at index: Int, lineBreak: String) -> String {
    var copy = lines
    let index = min(index, copy.count)
    // A last line without a break needs one before anything can follow it.
    if index > 0, let last = copy[index - 1].unicodeScalars.last, !SourceFile.isBreak(last) {
      copy[index - 1] += lineBreak
    }
    copy.insert(contentsOf: new.map { $0 + lineBreak }, at: index)
    return copy.joined()
  }
}
