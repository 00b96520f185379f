// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where in the values of a type numbers are whole: all that the conversion of a value needs to know of its type.
indirect enum WholeNumbers: Sendable {
  case nowhere
  case here
  case elements(WholeNumbers)
  case members(Members)

  /// By the names of members of which something is known, and for all others.
  struct Members: Sendable {
    /// Up to here a walk is quicker than hashing.
    private static let walkLimit = 8

    private let few: [(name: String, numbers: WholeNumbers)]
    private let many: [ExactString: WholeNumbers]
    let others: WholeNumbers

    init(_ known: [(name: String, numbers: WholeNumbers)], others: WholeNumbers) {
      let isFew = known.count <= Self.walkLimit
      few = isFew ? known : []
      many =
        isFew
        ? [:] : Dictionary(known.map { (ExactString($0.name), $0.numbers) }, uniquingKeysWith: { first, _ in first })
      self.others = others
    }

    subscript(name: String) -> WholeNumbers {
      for member in few where member.name.hasSameScalars(as: name) { return member.numbers }
      return many.isEmpty ? others : many[ExactString(name)] ?? others
    }
  }

  init(of type: RuleType) {
    switch type {
    case .int: self = .here
    case .list(let element):
      let inside = WholeNumbers(of: element)
      self = inside.isNowhere ? .nowhere : .elements(inside)
    case .map(_, let value):
      let inside = WholeNumbers(of: value)
      self = inside.isNowhere ? .nowhere : .members(Members([], others: inside))
    case .object(let shape):
      let others = shape.others.map { WholeNumbers(of: $0) } ?? .nowhere
      let known = shape.named.map { (name: $0.name, numbers: WholeNumbers(of: $0.type)) }
      // Where the others are something, a member without is told apart from them.
      let listed = others.isNowhere ? known.filter { !$0.numbers.isNowhere } : known
      self = listed.isEmpty && others.isNowhere ? .nowhere : .members(Members(listed, others: others))
    default: self = .nowhere
    }
  }

  private var isNowhere: Bool { if case .nowhere = self { true } else { false } }

  /// What is known of a member.
  func member(_ name: String) -> WholeNumbers {
    if case .members(let members) = self { members[name] } else { .nowhere }
  }
}
