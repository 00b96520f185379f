// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A schema in the form in which it is evaluated: subschemas are numbers, and whatever an instruction needs beyond a
/// few words lies in a table beside.
final class SchemaProgram: Sendable {
  typealias NodeNumber = Int32

  /// A subschema: its keywords are a range of all keywords.
  struct Node: Sendable {
    var first: Int32 = 0
    var end: Int32 = 0
    /// Where its resource stands among those of the program, for dynamic references.
    var resource: Int32 = 0
    /// Whether a keyword asks which parts of the instance were evaluated.
    var tracks = false
  }

  struct Keyword: Sendable {
    let operation: Operation
    /// Which keyword it is, among the names of the program.
    let name: Int32
    /// Where it is declared among the keywords of its schema.
    let ordinal: Int32
  }

  /// What a keyword asks; plain numbers throughout, so that reading one costs nothing.
  enum Operation: Sendable {
    case never
    case type(SchemaTypeSet)
    case const(Int32)
    case enumeration(Int32)
    case minimum(Int32)
    case maximum(Int32)
    case exclusiveMinimum(Int32)
    case exclusiveMaximum(Int32)
    case multipleOf(Int32)
    case minLength(Int)
    case maxLength(Int)
    case pattern(Int32)
    case format(SchemaFormat)
    case content(isBase64: Bool, isJSON: Bool)
    case minItems(Int)
    case maxItems(Int)
    case uniqueItems
    case prefixItems(NodeList)
    case items(NodeNumber, from: Int32)
    case contains(NodeNumber, least: Int, most: Int, marks: Bool)
    case minProperties(Int)
    case maxProperties(Int)
    case members(Int32)
    case propertyNames(NodeNumber)
    case dependentRequired(Int32)
    case dependentSchemas(Int32)
    case allOf(NodeList)
    case anyOf(NodeList)
    case oneOf(NodeList)
    case not(NodeNumber)
    case conditional(NodeNumber, then: NodeNumber, otherwise: NodeNumber)
    case reference(NodeNumber)
    case dynamicReference(Int32)
    case unevaluatedItems(NodeNumber)
    case unevaluatedProperties(NodeNumber)
  }

  /// A range of the table of node numbers.
  struct NodeList: Sendable {
    let first: Int32
    let count: Int32
  }

  /// The first target, and what to take instead in the outermost resource that has an entry.
  struct DynamicTarget: Sendable {
    let fallback: NodeNumber
    let byResource: [Int32: NodeNumber]
  }

  struct Dependency<Dependent: Sendable>: Sendable {
    let name: String
    let dependent: Dependent
  }

  /// Stands for a subschema that is absent.
  static let none: NodeNumber = -1

  let nodes: [Node]
  let keywords: [Keyword]
  let lists: [NodeNumber]
  let names: [String]
  let values: [JSONValue]
  let enumerations: [SchemaEnumeration]
  let numbers: [SchemaNumber]
  let patterns: [Pattern]
  let plans: [MembersPlan.Ready]
  let requirements: [[Dependency<[String]>]]
  let dependentSchemas: [[Dependency<NodeNumber>]]
  let dynamicTargets: [DynamicTarget]

  init(_ tables: SchemaTables) {
    nodes = tables.nodes
    keywords = tables.keywords
    lists = tables.lists
    names = tables.names
    values = tables.values
    enumerations = tables.enumerations
    numbers = tables.numbers
    patterns = tables.patterns
    plans = tables.plans.map(MembersPlan.Ready.init)
    requirements = tables.requirements
    dependentSchemas = tables.dependentSchemas
    dynamicTargets = tables.dynamicTargets
  }
}

/// The tables of a program while it is made.
struct SchemaTables {
  var nodes: [SchemaProgram.Node] = []
  var keywords: [SchemaProgram.Keyword] = []
  var lists: [SchemaProgram.NodeNumber] = []
  var names: [String] = []
  var values: [JSONValue] = []
  var enumerations: [SchemaEnumeration] = []
  var numbers: [SchemaNumber] = []
  var patterns: [Pattern] = []
  var plans: [MembersPlan] = []
  var requirements: [[SchemaProgram.Dependency<[String]>]] = []
  var dependentSchemas: [[SchemaProgram.Dependency<SchemaProgram.NodeNumber>]] = []
  var dynamicTargets: [SchemaProgram.DynamicTarget] = []
}

/// The types that `type` allows.
struct SchemaTypeSet: OptionSet, Sendable, Hashable {
  let rawValue: UInt8
  static let null = SchemaTypeSet(rawValue: 1)
  static let boolean = SchemaTypeSet(rawValue: 2)
  static let integer = SchemaTypeSet(rawValue: 4)
  static let number = SchemaTypeSet(rawValue: 8)
  static let string = SchemaTypeSet(rawValue: 16)
  static let array = SchemaTypeSet(rawValue: 32)
  static let object = SchemaTypeSet(rawValue: 64)

  static let named: [(name: String, type: SchemaTypeSet)] = [
    ("null", .null), ("boolean", .boolean), ("integer", .integer), ("number", .number), ("string", .string),
    ("array", .array), ("object", .object),
  ]

  func allows(_ value: JSONValue) -> Bool {
    switch value {
    case .null: contains(.null)
    case .bool: contains(.boolean)
    case .int: !isDisjoint(with: [.integer, .number])
    // `1.0` is an integer; so is every double beyond 2^53.
    case .double(let number): contains(.number) || contains(.integer) && number == number.rounded(.towardZero)
    case .string: contains(.string)
    case .array: contains(.array)
    case .object: contains(.object)
    }
  }
}

/// The values of an `enum`.
struct SchemaEnumeration: Sendable {
  /// Beyond this many, they are hashed.
  private static let scanLimit = 8

  let values: [JSONValue]
  private let hashed: Set<JSONValue>

  init(_ values: [JSONValue]) {
    self.values = values
    hashed = values.count > Self.scanLimit ? Set(values) : []
  }

  func contains(_ value: JSONValue) -> Bool {
    if !hashed.isEmpty { return hashed.contains(value) }
    for index in values.indices where values[index] == value { return true }
    return false
  }
}
