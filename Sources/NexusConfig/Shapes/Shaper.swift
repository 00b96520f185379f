// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics

/// Holds a tree of nodes against the table of keys: what fits becomes typed values, the rest diagnostics.
struct Shaper {
  /// How many keys a message lists.
  private static let maxListedKeys = 9

  let environment: [String: String]
  private(set) var diagnostics: [Diagnostic] = []

  init(environment: [String: String]) { self.environment = environment }

  mutating func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

  /// The value in the shape of its place; nil after a diagnostic.
  mutating func shape(_ node: YAMLNode, as shape: Shape, of what: String) -> Shaped? {
    switch node.content {
    case .scalar(let scalar):
      if scalar.isNull { return empty(node, as: shape, of: what) }
      if let type = shape.scalar { return read(scalar, at: node, as: type, of: what) }
    case .sequence(let elements):
      switch shape.sequence {
      case .list(let element)?:
        let shaped = elements.compactMap { self.shape($0, as: element, of: what) }
        return Shaped(location: node.location, content: .list(shaped))
      case .anything?: return Shaped(location: node.location, content: .raw(node))
      case nil: break
      }
    case .mapping(let entries):
      switch shape.mapping {
      case .object(let object)?: return fields(entries, of: node, as: object)
      case .dictionary(let rule, let value)?: return dictionary(entries, of: node, keys: rule, values: value)
      case .anything?: return Shaped(location: node.location, content: .raw(node))
      case nil: break
      }
    }
    report(
      Diagnostic(
        "NX-CFG-101", "`\(what)` takes \(shape.expectation), not \(node.kindWord)", at: node.location))
    return nil
  }

  /// Nothing stands for an empty map or list, and is an error where a single value could stand: it may be a limit.
  private mutating func empty(_ node: YAMLNode, as shape: Shape, of what: String) -> Shaped? {
    switch (shape.scalar, shape.mapping, shape.sequence) {
    case (.anything?, _, _): return Shaped(location: node.location, content: .raw(node))
    case (nil, .object(let object)?, _): return fields([], of: node, as: object)
    case (nil, .dictionary?, _): return Shaped(location: node.location, content: .dictionary([]))
    case (nil, nil, .list?): return Shaped(location: node.location, content: .list([]))
    default:
      report(
        Diagnostic(
          "NX-CFG-112", "`\(what)` has no value", at: node.location, label: "expected \(shape.expectation)",
          help: "give it a value, or remove the key to take its default"))
      return nil
    }
  }

  // MARK: Maps

  private mutating func fields(_ entries: [YAMLEntry], of node: YAMLNode, as object: ObjectShape) -> Shaped {
    var fields = Fields(shape: object, location: node.location)
    for entry in entries {
      guard let key = object.key(entry.key) else {
        guard !object.allowsExtensions || !entry.key.hasPrefix("x-") else { continue }
        reportUnknown(entry, in: object)
        fields.hasUnknownKeys = true
        continue
      }
      if let other = fields.field(key.name) {
        report(
          Diagnostic(
            "NX-CFG-113", "`\(entry.key)` says the same as `\(other.written)`", at: entry.keyLocation,
            notes: [.init("`\(other.written)` is here", at: other.keyLocation)], help: "keep one of the two"))
        continue
      }
      reportAvailability(of: key, at: entry)
      let value = shape(entry.value, as: key.shape, of: entry.key)
      fields.set(
        key.name,
        .init(written: entry.key, keyLocation: entry.keyLocation, availability: key.availability, value: value))
    }
    for key in object.keys where key.isRequired && !fields.has(key.name) {
      report(
        Diagnostic(
          "NX-CFG-102", "\(object.title) needs the key `\(key.name)`", at: node.location,
          help: "it is: \(key.summary.dropLast())"))
    }
    return Shaped(location: node.location, content: .object(fields))
  }

  private mutating func reportUnknown(_ entry: YAMLEntry, in object: ObjectShape) {
    let names = object.keys.map(\.name)
    var suggestion = Suggestion.nearest(to: entry.key, among: names)
    if suggestion == nil, let alias = Suggestion.nearest(to: entry.key, among: object.keys.flatMap(\.aliases)) {
      suggestion = object.key(alias)?.name
    }
    let listed = names.prefix(Self.maxListedKeys).joined(separator: ", ")
    let more = names.count > Self.maxListedKeys ? " and \(names.count - Self.maxListedKeys) more" : ""
    report(
      Diagnostic(
        "NX-CFG-107", "unknown key `\(entry.key)` in \(object.title)", at: entry.keyLocation,
        label: "expected one of: \(listed)\(more)", suggestion: suggestion))
  }

  private mutating func reportAvailability(of key: KeySpec, at entry: YAMLEntry) {
    switch key.availability {
    case .now: break
    case .later:
      report(
        Diagnostic(
          "NX-CFG-301", .warning, "`\(entry.key)` is not available yet and has no effect", at: entry.keyLocation,
          help: "remove it, or keep it for the version that knows it"))
    case .laterAndRestricts:
      report(
        Diagnostic(
          "NX-CFG-302", .warning,
          "`\(entry.key)` restricts, and cannot be enforced yet: the runs it covers are refused",
          at: entry.keyLocation, help: "remove it only if these agents may run without it"))
    }
  }

  private mutating func dictionary(
    _ entries: [YAMLEntry], of node: YAMLNode, keys rule: NameRule, values: Shape
  ) -> Shaped {
    var shaped: [ShapedEntry] = []
    for entry in entries {
      guard check(entry.key, by: rule, at: entry.keyLocation) else { continue }
      guard let value = shape(entry.value, as: values, of: entry.key) else { continue }
      shaped.append(ShapedEntry(key: entry.key, keyLocation: entry.keyLocation, value: value))
    }
    return Shaped(location: node.location, content: .dictionary(shaped))
  }

  /// Reports a name that breaks its rule.
  mutating func check(_ name: String, by rule: NameRule, at location: SourceLocation) -> Bool {
    if rule.accepts(name) { return true }
    switch rule {
    case .plain:
      report(
        Diagnostic(
          "NX-CFG-103", "`\(name)` cannot be a name", at: location,
          help: "a name has a to z, 0 to 9 and -, begins with a letter, and has at most \(NameRule.longest) characters",
          suggestion: rule.repaired(name)))
    case .environment:
      report(
        Diagnostic(
          "NX-CFG-118", "`\(name)` cannot be the name of a variable", at: location,
          help: "a variable has letters, digits and _, and does not begin with a digit"))
    case .free:
      report(
        Diagnostic("NX-CFG-103", "this cannot be a name", at: location, help: "write at least one printable character"))
    }
    return false
  }

  // MARK: Scalars

  private mutating func read(
    _ scalar: YAMLScalar, at node: YAMLNode, as type: ScalarShape, of what: String
  ) -> Shaped? {
    if type == .anything { return Shaped(location: node.location, content: .raw(node)) }
    if type == .literal {
      return Shaped(location: node.location, content: .text(scalar.text, isExternal: false))
    }
    guard let expanded = expand(scalar, at: node) else { return nil }
    if let content = type.read(expanded.text, isExternal: expanded.isExternal) {
      return Shaped(location: node.location, content: content)
    }
    // What the file says is shown, never what a variable holds: that may be a secret.
    report(type.diagnostic(for: scalar.text, isExternal: expanded.isExternal, of: what, at: node.location))
    return nil
  }

  private mutating func expand(_ scalar: YAMLScalar, at node: YAMLNode) -> Interpolation.Outcome? {
    do {
      return try Interpolation.expand(scalar.text, environment: environment)
    } catch {
      switch error {
      case .unset(let name, let offset):
        report(
          Diagnostic(
            "NX-CFG-013", "the variable `\(name)` is not set", at: place(of: "${\(name)", offset, scalar, node),
            help: "set it in the environment or in .env, or give a default: ${\(name):-value}",
            suggestion: Suggestion.nearest(to: name, among: environment.keys.sorted()).map { "${\($0)}" }))
      case .malformed(let offset):
        report(
          Diagnostic(
            "NX-CFG-014", "`${` does not begin a variable here", at: place(of: "${", offset, scalar, node),
            help: "write ${NAME} or ${NAME:-default}, and $${ for the text itself"))
      case .tooLong:
        report(
          Diagnostic(
            "NX-CFG-008", "with its variables put in this value is longer than \(ConfigLimits.maxScalarBytes) bytes",
            at: node.location))
      }
      return nil
    }
  }

  /// The place inside a plain or simply quoted scalar; the whole scalar where escapes or folding move things.
  private func place(of marker: String, _ offset: Int, _ scalar: YAMLScalar, _ node: YAMLNode) -> SourceLocation {
    let quotes = node.location.length - scalar.text.unicodeScalars.count
    guard node.start.line == node.end.line, quotes == 0 || quotes == 2 else { return node.location }
    var location = node.location
    location.column += offset + quotes / 2
    location.length = scalar.text.unicodeScalars.dropFirst(offset).prefix { $0 != "}" }.count + 1
    return location
  }
}
