// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Which schemas the documents hold, under which identifiers and anchors.
///
/// Documents come from the caller and from the drafts; a document is read when the first reference reaches it. Nothing
/// is ever fetched.
struct SchemaIndex {
  /// A schema with an identifier of its own, and everything below it up to the next such schema.
  struct Resource {
    let identifier: String
    let root: SchemaPlace
    let dialect: SchemaDialect
    var anchors: [ExactName: SchemaPlace] = [:]
    var dynamicAnchors: [ExactName: SchemaPlace] = [:]
  }

  struct Document {
    let name: String
    let value: JSONValue
    /// Whether it comes with this package.
    let isBuiltIn: Bool
  }

  /// The name under which `$recursiveAnchor` of 2019-09 is kept among the dynamic anchors; no anchor can have it.
  static let recursiveAnchor = ExactName("#")

  private(set) var documents: [Document] = []
  private(set) var resources: [Resource] = []
  var problems: [SchemaProblem] = []
  private var resourceNumbers: [ExactName: Int] = [:]
  private var resourceOfPlace: [SchemaPlace: Int] = [:]
  private var subschemaCount = 0
  private let available: [ExactName: (name: String, value: JSONValue)]
  private let defaultDialect: SchemaDialect

  init(documents: [String: JSONValue], defaultDraft: SchemaDraft) {
    var available: [ExactName: (name: String, value: JSONValue)] = [:]
    for (name, value) in documents {
      let name = SchemaIdentifier(name).withoutFragment
      available[ExactName(name)] = (name, value)
    }
    self.available = available
    defaultDialect = SchemaDialect(defaultDraft)
  }

  // MARK: Documents

  /// Reads a document; the number of its resource.
  mutating func add(_ value: JSONValue, name: String, isBuiltIn: Bool = false) -> Int {
    let root = SchemaPlace(document: documents.count, path: [])
    documents.append(Document(name: name, value: value, isBuiltIn: isBuiltIn))
    walk(value, at: root, in: nil)
    let resource = resourceOfPlace[root] ?? 0
    if resourceNumbers[ExactName(name)] == nil { resourceNumbers[ExactName(name)] = resource }
    return resource
  }

  mutating func report(_ code: SchemaProblem.Code, _ message: String, at place: SchemaPlace) {
    guard problems.count < SchemaLimits.maxProblems else { return }
    problems.append(
      SchemaProblem(
        code: code, message: message, document: documents[place.document].name, pointer: place.path.pointer))
  }

  func value(at place: SchemaPlace) -> JSONValue? {
    var value = documents[place.document].value
    for part in place.path {
      guard let next = value[part] else { return nil }
      value = next
    }
    return value
  }

  /// The resource to which a subschema belongs.
  func resource(of place: SchemaPlace) -> Int { resourceOfPlace[place] ?? 0 }

  private mutating func resource(named name: String) -> Int? {
    let key = ExactName(name)
    if let known = resourceNumbers[key] { return known }
    if let (name, value) = available[key] { return add(value, name: name) }
    guard let value = Metaschemas.document(name) else { return nil }
    return add(value, name: name, isBuiltIn: true)
  }

  // MARK: Subschemas

  /// Enters a schema and all schemas below it, parents first.
  private mutating func walk(_ value: JSONValue, at place: SchemaPlace, in resource: Int?) {
    var waiting = [(value, place, resource)]
    while let (value, place, parent) = waiting.popLast() {
      if !documents[place.document].isBuiltIn { subschemaCount += 1 }
      guard subschemaCount <= SchemaLimits.maxSubschemas else {
        if subschemaCount == SchemaLimits.maxSubschemas + 1 {
          subschemaCount += 1
          report(.tooLarge, "the schema has more than \(SchemaLimits.maxSubschemas) subschemas", at: place)
        }
        return
      }
      let resource = enter(value, at: place, in: parent)
      resourceOfPlace[place] = resource
      guard case .object(let object) = value else { continue }
      let draft = resources[resource].dialect.draft
      for member in object.members.reversed() {
        guard let shape = SchemaPositions.shape(of: member.key, in: draft) else { continue }
        waiting += Self.children(of: member.value, shape: shape, at: place.appending(.name(member.key))).reversed()
          .map { ($0, $1, resource) }
      }
    }
  }

  private static func children(of value: JSONValue, shape: SchemaPositions.Shape, at place: SchemaPlace)
    -> [(JSONValue, SchemaPlace)]
  {
    switch (shape, value) {
    case (.list, .array(let elements)), (.oneOrList, .array(let elements)):
      return elements.enumerated().map { ($1, place.appending(.index($0))) }
    case (.one, _), (.oneOrList, _): return [(value, place)]
    case (.named, .object(let object)):
      return object.members.map { ($0.value, place.appending(.name($0.key))) }
    case (.namedOrNames, .object(let object)):
      return object.members.compactMap { member in
        if case .array = member.value { nil } else { (member.value, place.appending(.name(member.key))) }
      }
    default: return []
    }
  }

  /// Notes identifiers and anchors of one schema; the number of the resource in which it lies.
  private mutating func enter(_ value: JSONValue, at place: SchemaPlace, in parent: Int?) -> Int {
    let base = parent.map { resources[$0].identifier } ?? documents[place.document].name
    var dialect = parent.map { resources[$0].dialect } ?? defaultDialect
    if parent == nil || value["$id"]?.stringValue != nil, let name = value["$schema"]?.stringValue {
      dialect = self.dialect(named: name, at: place) ?? dialect
    }
    // In draft-07 a reference hides what stands beside it.
    let isHidden = dialect.draft == .draft7 && value["$ref"] != nil
    var anchor: String?
    var identifier = base
    if !isHidden, let text = value["$id"]?.stringValue {
      let parts = SchemaIdentifier(text)
      if let fragment = parts.fragment, !fragment.isEmpty, dialect.draft == .draft7 { anchor = String(fragment) }
      if !parts.withoutFragment.isEmpty { identifier = SchemaIdentifier.resolve(text, against: base) }
    }
    var resource = parent ?? -1
    if parent == nil || !ExactName(identifier).bytes.elementsEqual(base.utf8) {
      resource = resources.count
      resources.append(Resource(identifier: identifier, root: place, dialect: dialect))
      if let known = resourceNumbers[ExactName(identifier)], resources[known].root != place {
        report(.duplicateIdentifier, "another schema has the identifier \(identifier) too", at: place)
      } else {
        resourceNumbers[ExactName(identifier)] = resource
      }
    }
    if dialect.draft != .draft7 { anchor = value["$anchor"]?.stringValue }
    if let anchor { add(ExactName(anchor), to: \.anchors, of: resource, at: place) }
    if dialect.draft == .draft2020, let name = value["$dynamicAnchor"]?.stringValue {
      add(ExactName(name), to: \.dynamicAnchors, of: resource, at: place)
    }
    if dialect.draft == .draft2019, value["$recursiveAnchor"]?.boolValue == true {
      add(Self.recursiveAnchor, to: \.dynamicAnchors, of: resource, at: place)
    }
    return resource
  }

  private mutating func add(
    _ name: ExactName, to anchors: WritableKeyPath<Resource, [ExactName: SchemaPlace]>, of resource: Int,
    at place: SchemaPlace
  ) {
    guard let known = resources[resource][keyPath: anchors][name], known != place else {
      resources[resource][keyPath: anchors][name] = place
      return
    }
    report(.duplicateIdentifier, "another schema of the same resource has this anchor too", at: place)
  }

  // MARK: Dialects

  /// The dialect behind a value of `$schema`: a draft, or a metaschema among the documents.
  private mutating func dialect(named text: String, at place: SchemaPlace) -> SchemaDialect? {
    let name = SchemaIdentifier(text).withoutFragment
    if let draft = SchemaDraft.allCases.first(where: { $0.identifier == name }) { return SchemaDialect(draft) }
    guard let (_, metaschema) = available[ExactName(name)] else {
      report(.unknownDialect, "the dialect \(text) is not known, and no document of that name was given", at: place)
      return nil
    }
    let parent = metaschema["$schema"]?.stringValue.map { SchemaIdentifier($0).withoutFragment } ?? ""
    let draft = SchemaDraft.allCases.first { $0.identifier == parent } ?? defaultDialect.draft
    guard case .object(let listed)? = metaschema["$vocabulary"], draft != .draft7 else {
      return SchemaDialect(draft, vocabularies: .all, metaschema: name)
    }
    var vocabularies = SchemaDialect.Vocabularies()
    for member in listed.members {
      if let vocabulary = SchemaDialect.vocabulary(member.key) {
        vocabularies.formUnion(vocabulary)
      } else if member.value.boolValue == true {
        report(
          .unknownDialect, "the dialect \(text) requires the vocabulary \(member.key), which is not known", at: place)
      }
    }
    return SchemaDialect(draft, vocabularies: vocabularies, metaschema: name)
  }

  // MARK: References

  /// Where a reference leads that stands in the resource; nil if it leads nowhere.
  mutating func resolve(_ reference: String, in resource: Int) -> SchemaPlace? {
    let fragment = SchemaIdentifier(reference).fragment.map { Percent.decoded($0) } ?? ""
    let name = SchemaIdentifier.resolve(reference, against: resources[resource].identifier)
    guard let target = self.resource(named: name) else { return nil }
    if fragment.isEmpty { return resources[target].root }
    if fragment.utf8.first == UInt8(ascii: "/") { return follow(fragment, from: target) }
    let anchor = ExactName(fragment)
    return resources[target].anchors[anchor] ?? resources[target].dynamicAnchors[anchor]
  }

  /// The dynamic anchor that a reference names and leads to, if it does.
  mutating func dynamicAnchor(of reference: String, in resource: Int) -> ExactName? {
    guard let fragment = SchemaIdentifier(reference).fragment, !fragment.isEmpty else { return nil }
    let name = SchemaIdentifier.resolve(reference, against: resources[resource].identifier)
    guard let target = self.resource(named: name) else { return nil }
    let anchor = ExactName(Percent.decoded(fragment))
    return resources[target].dynamicAnchors[anchor] == nil ? nil : anchor
  }

  /// A token of a JSON Pointer without its escapes.
  private static func unescaped(_ token: Substring) -> String {
    guard token.utf8.contains(UInt8(ascii: "~")) else { return String(token) }
    var text = ""
    var isEscape = false
    for scalar in token.unicodeScalars {
      switch (isEscape, scalar) {
      case (false, "~"):
        isEscape = true
        continue
      case (true, "0"): text.unicodeScalars.append("~")
      case (true, "1"): text.unicodeScalars.append("/")
      default: text.unicodeScalars.append(scalar)
      }
      isEscape = false
    }
    return text
  }

  /// Follows a pointer also through places that hold no schema, by the identifiers it passes.
  private mutating func follow(_ pointer: String, from start: Int) -> SchemaPlace? {
    var resource = start
    var place = resources[start].root
    guard var value = value(at: place) else { return nil }
    for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      let name = Self.unescaped(token)
      let part: PathPart
      if case .array = value {
        guard let index = Int(name), String(index).isIdentical(to: name) else { return nil }
        part = .index(index)
      } else {
        part = .name(name)
      }
      guard let next = value[part] else { return nil }
      value = next
      place = place.appending(part)
      resource = resourceOfPlace[place] ?? resource
    }
    if resourceOfPlace[place] == nil { walk(value, at: place, in: resource) }
    return place
  }
}

/// Percent-encoding (RFC 3986 §2.1).
enum Percent {
  static func decoded(_ text: Substring) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let code = rest.prefix(2).hexValue {
        bytes.append(code)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension ArraySlice<UInt8> {
  /// The byte that two hexadecimal digits stand for.
  fileprivate var hexValue: UInt8? {
    guard count == 2, allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }) else { return nil }
    return UInt8(String(decoding: self, as: UTF8.self), radix: 16)
  }
}
