// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A value with the steps that lead to it.
struct Node {
  enum Step {
    case name(String)
    case index(Int)
  }
  /// The steps, shared by all that go on from here.
  final class Path {
    let parent: Path?
    let step: Step
    init(_ parent: Path?, _ step: Step) {
      self.parent = parent
      self.step = step
    }
  }
  var value: JSON
  var path: Path?

  /// As RFC 9535 writes it, `$['a'][0]`.
  var normalizedPath: String {
    var steps: [Step] = []
    var path = path
    while let current = path {
      steps.append(current.step)
      path = current.parent
    }
    var text: [UInt8] = [36]
    for step in steps.reversed() {
      text.append(91)
      switch step {
      case .index(let index): text += Array(String(index).utf8)
      case .name(let name): Self.quote(name, into: &text)
      }
      text.append(93)
    }
    return String(bytes: text)
  }

  private static func quote(_ name: String, into text: inout [UInt8]) {
    let digits: StaticString = "0123456789abcdef"
    text.append(39)
    for byte in name.utf8 {
      switch byte {
      case 39, 92: text += [92, byte]
      case 8: text += [92, 98]
      case 9: text += [92, 116]
      case 10: text += [92, 110]
      case 12: text += [92, 102]
      case 13: text += [92, 114]
      case 0..<32:
        text += [92, 117, 48, 48, digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)]]
      default: text.append(byte)
      }
    }
    text.append(39)
  }
}

/// Evaluates a query; the work is counted and bounded.
struct Evaluation {
  static let maxVisits = 2_000_000
  static let maxNodes = 1_000_000

  let root: JSON
  private var visits = 0

  init(root: JSON) { self.root = root }

  private mutating func visit() throws(SkillError) {
    visits += 1
    guard visits <= Self.maxVisits else {
      throw SkillError("too_much_work", "the query visits more than two million values")
    }
  }

  mutating func nodes(of query: Query, from current: JSON) throws(SkillError) -> [Node] {
    var nodes = [Node(value: query.isAbsolute ? root : current, path: nil)]
    for segment in query.segments {
      var next: [Node] = []
      for node in nodes { try select(segment, node, into: &next) }
      guard next.count <= Self.maxNodes else {
        throw SkillError("too_much_work", "the query selects more than a million values on its way")
      }
      nodes = next
    }
    return nodes
  }

  private mutating func select(_ segment: Segment, _ node: Node, into found: inout [Node]) throws(SkillError) {
    try visit()
    for selector in segment.selectors { try select(selector, node, into: &found) }
    guard segment.isDescendant else { return }
    for child in try children(of: node) { try select(segment, child, into: &found) }
  }

  private mutating func children(of node: Node) throws(SkillError) -> [Node] {
    var children: [Node] = []
    switch node.value {
    case .array(let elements):
      children.reserveCapacity(elements.count)
      for (index, element) in elements.enumerated() {
        try visit()
        children.append(Node(value: element, path: Node.Path(node.path, .index(index))))
      }
    case .object(let members):
      children.reserveCapacity(members.count)
      for member in members {
        try visit()
        children.append(Node(value: member.value, path: Node.Path(node.path, .name(member.key))))
      }
    default: break
    }
    return children
  }

  private mutating func select(_ selector: Selector, _ node: Node, into found: inout [Node]) throws(SkillError) {
    switch selector {
    case .wildcard: found += try children(of: node)
    case .name(let name):
      guard case .object(let members) = node.value else { return }
      for member in members {
        try visit()
        guard member.key.isSame(as: name) else { continue }
        found.append(Node(value: member.value, path: Node.Path(node.path, .name(name))))
        return
      }
    case .index(let index):
      guard case .array(let elements) = node.value else { return }
      let place = index < 0 ? index + Int64(elements.count) : index
      guard place >= 0, place < elements.count else { return }
      found.append(Node(value: elements[Int(place)], path: Node.Path(node.path, .index(Int(place)))))
    case .slice(let start, let end, let step):
      guard case .array(let elements) = node.value else { return }
      for index in Self.places(start, end, step, elements.count) {
        try visit()
        found.append(Node(value: elements[index], path: Node.Path(node.path, .index(index))))
      }
    case .filter(let condition):
      for child in try children(of: node) where try holds(condition, child.value) { found.append(child) }
    }
  }

  /// The indices of a slice, as RFC 9535 has it.
  private static func places(_ start: Int64?, _ end: Int64?, _ step: Int64, _ count: Int) -> [Int] {
    let count = Int64(count)
    func bounded(_ place: Int64, _ lower: Int64, _ upper: Int64) -> Int64 {
      min(max(place < 0 ? place + count : place, lower), upper)
    }
    var places: [Int] = []
    if step > 0 {
      let end = bounded(end ?? count, 0, count)
      var place = bounded(start ?? 0, 0, count)
      while place < end {
        places.append(Int(place))
        place = place.addingReportingOverflow(step).partialValue
        if place < 0 { break }
      }
    } else if step < 0 {
      let end = end.map { bounded($0, -1, count - 1) } ?? -1
      var place = bounded(start ?? count - 1, -1, count - 1)
      while place > end {
        places.append(Int(place))
        place = place.addingReportingOverflow(step).partialValue
      }
    }
    return places
  }

  // MARK: Filters

  private mutating func holds(_ condition: Condition, _ current: JSON) throws(SkillError) -> Bool {
    try visit()
    switch condition {
    case .or(let parts):
      for part in parts where try holds(part, current) { return true }
      return false
    case .and(let parts):
      for part in parts where try !holds(part, current) { return false }
      return true
    case .not(let inner): return try !holds(inner, current)
    case .exists(let query): return try !nodes(of: query, from: current).isEmpty
    case .compare(let left, let comparison, let right):
      return Self.compare(try value(of: left, current), comparison, try value(of: right, current))
    }
  }

  /// Nil for a query that selects nothing.
  private mutating func value(of operand: Operand, _ current: JSON) throws(SkillError) -> JSON? {
    switch operand {
    case .literal(let value): return value
    case .query(let query): return try nodes(of: query, from: current).first?.value
    }
  }

  private static func compare(_ left: JSON?, _ comparison: Comparison, _ right: JSON?) -> Bool {
    switch comparison {
    case .equal: isEqual(left, right)
    case .notEqual: !isEqual(left, right)
    case .less: isLess(left, right)
    case .greater: isLess(right, left)
    case .lessOrEqual: isLess(left, right) || isEqual(left, right)
    case .greaterOrEqual: isLess(right, left) || isEqual(left, right)
    }
  }

  private static func isEqual(_ left: JSON?, _ right: JSON?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    switch (left, right) {
    case (.null, .null): return true
    case (.bool(let left), .bool(let right)): return left == right
    case (.string(let left), .string(let right)): return left.isSame(as: right)
    case (.array(let left), .array(let right)):
      guard left.count == right.count else { return false }
      for index in left.indices where !isEqual(left[index], right[index]) { return false }
      return true
    case (.object(let left), .object(let right)):
      guard left.count == right.count else { return false }
      for member in left {
        guard let other = right.first(where: { $0.key.isSame(as: member.key) }), isEqual(member.value, other.value)
        else { return false }
      }
      return true
    default:
      guard let left = decimal(left), let right = decimal(right) else { return false }
      return left.compared(to: right) == 0
    }
  }

  private static func isLess(_ left: JSON?, _ right: JSON?) -> Bool {
    guard let left, let right else { return false }
    if case .string(let left) = left, case .string(let right) = right {
      return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
    guard let left = decimal(left), let right = decimal(right) else { return false }
    return left.compared(to: right) < 0
  }

  private static func decimal(_ value: JSON) -> Decimal? {
    switch value {
    case .int(let number): Decimal(String(number))
    case .number(let literal): Decimal(literal)
    default: nil
    }
  }
}
