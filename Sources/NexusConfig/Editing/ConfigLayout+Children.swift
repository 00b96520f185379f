// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

// The children of supervisors, in whichever of YAML's forms they are written.
extension ConfigLayout {
  /// The key, and its other name.
  static let childrenKeys: Set<String> = ["children", "agents"]

  /// Where a name is listed as a child, and by which supervisor.
  func childPlace(of name: String) -> (supervisor: String, location: SourceLocation)? {
    for place in places(.supervisor) {
      guard let children = Self.children(of: place.body), case .sequence(let items) = children.value.content else {
        continue
      }
      for item in items {
        if case .scalar(let scalar) = item.content, scalar.text == name { return (place.name, item.location) }
      }
    }
    return nil
  }

  /// The text with more children at the end of a supervisor's list; nil if there is no safe place.
  func addingChildren(_ names: [String], to place: NamedPlace) -> String? {
    let flow = names.joined(separator: ", ")
    let body = place.body
    if body.isNull {
      guard let key = place.key else { return nil }
      return inserting([Self.margin(key.column + 2) + "children: [\(flow)]"], at: key.line + 1)
    }
    guard case .mapping(let entries) = body.content else { return nil }
    if let children = Self.children(of: body) { return appending(names, to: children) }
    guard let last = entries.last else {
      return inserting(" children: [\(flow)] ", behind: body.start.line, body.start.column + 1)
    }
    if body.isFlow { return inserting(", children: [\(flow)]", behind: last.value.end.line, last.value.end.column) }
    return inserting([Self.margin(entries[0].keyStart.column) + "children: [\(flow)]"], at: lastLine(of: body) + 1)
  }

  private func appending(_ names: [String], to children: YAMLEntry) -> String? {
    let list = children.value
    let flow = names.joined(separator: ", ")
    if list.isNull {
      return inserting(
        names.map { Self.margin(children.keyStart.column + 2) + "- " + $0 }, at: children.keyStart.line + 1)
    }
    guard case .sequence(let items) = list.content else { return nil }
    guard let last = items.last else { return inserting(flow, behind: list.start.line, list.start.column + 1) }
    if list.isFlow { return inserting(", " + flow, behind: last.end.line, last.end.column) }
    return inserting(names.map { Self.margin(list.start.column) + "- " + $0 }, at: lastLine(of: list) + 1)
  }

  private static func children(of body: YAMLNode) -> YAMLEntry? {
    guard case .mapping(let entries) = body.content else { return nil }
    return entries.first { childrenKeys.contains($0.key) }
  }

  private static func margin(_ column: Int) -> String { String(repeating: " ", count: column) }

  /// The text with something put into a line.
  private func inserting(_ text: String, behind line: Int, _ column: Int) -> String? {
    guard line < lines.count else { return nil }
    var scalars = Array(lines[line].unicodeScalars)
    guard column <= scalars.count else { return nil }
    scalars.insert(contentsOf: text.unicodeScalars, at: column)
    var edited = String.UnicodeScalarView()
    edited.append(contentsOf: scalars)
    var copy = lines
    copy[line] = String(edited)
    return copy.joined()
  }
}
