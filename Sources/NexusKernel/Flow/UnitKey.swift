// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What attempts are made at: a step, one element of a `forEach`, a compensation, a question about either.
package struct UnitKey: Sendable, Hashable {
  package enum Role: Sendable, Hashable {
    case forward
    /// The compensation of the step.
    case back
    /// Finds out whether a forward attempt had its effect.
    case probe
    /// Says which members of a pool agree; it belongs to no step.
    case judge
  }
  package let step: Int
  /// The element of a `forEach`, from 0; nil for the step as a whole.
  package let item: Int?
  package let role: Role

  package init(_ step: Int, item: Int? = nil, _ role: Role = .forward) {
    self.step = step
    self.item = item
    self.role = role
  }

  static let judge = UnitKey(-1, .judge)

  /// One number for all three: units are looked up many times for each step.
  package func hash(into hasher: inout Hasher) {
    let role =
      switch role {
      case .forward: 0
      case .back: 1
      case .probe: 2
      case .judge: 3
      }
    hasher.combine((step &* ForEach.maxItems &+ (item ?? -1)) &* 4 &+ role)
  }

  func with(_ role: Role) -> UnitKey { UnitKey(step, item: item, role) }
}

/// Finds units by the paths that journals and agents know them by: `draft`, `draft[2]`, `draft[2].compensation`.
struct UnitPaths: Sendable, Hashable {
  private static let back = "compensation"
  private static let probe = "probe"
  /// No step can have this name.
  private static let judge = StepPath(".judge")
  /// How the judge is called in journals of before; a member of that name has it for itself.
  private static let formerJudge = StepPath("judge")

  /// Up to this many names are compared one after the other: that costs less than a hash, and than the table for it, which
  /// every run of the flow would make anew.
  static let maxCompared = 16

  private let names: [String]
  /// Empty where the names are few.
  private let indexes: [String: Int]

  init(_ definition: FlowDefinition) {
    names = definition.steps.map(\.name)
    guard names.count > Self.maxCompared else {
      indexes = [:]
      return
    }
    indexes = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func index(of name: String) -> Int? { indexes.isEmpty ? names.firstIndex(of: name) : indexes[name] }

  func path(of key: UnitKey) -> StepPath {
    if key.role == .judge { return Self.judge }
    var text = names[key.step]
    if let item = key.item { text += "[\(item)]" }
    switch key.role {
    case .back: text += "." + Self.back
    case .probe: text += "." + Self.probe
    case .forward, .judge: break
    }
    return StepPath(text)
  }

  /// Nil for a path that names nothing in this definition.
  func key(of path: StepPath) -> UnitKey? {
    if let step = index(of: path.text) { return UnitKey(step) }
    if path == Self.judge { return .judge }
    var name = path.text[...]
    var role = UnitKey.Role.forward
    if let dot = name.lastIndex(of: ".") {
      switch name[name.index(after: dot)...] {
      case Self.back: role = .back
      case Self.probe: role = .probe
      default: return nil
      }
      name = name[..<dot]
    }
    var item: Int?
    if name.hasSuffix("]"), let open = name.lastIndex(of: "[") {
      guard let number = Int(name[name.index(after: open)...].dropLast()), number >= 0 else { return nil }
      item = number
      name = name[..<open]
    }
    if let step = index(of: String(name)) { return UnitKey(step, item: item, role) }
    return path == Self.formerJudge ? .judge : nil
  }
}
