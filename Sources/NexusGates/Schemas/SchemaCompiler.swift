// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Turns schemas into a program, from the root outwards: whatever a reference reaches, and nothing else.
struct SchemaCompiler {
  /// One schema on its way into the program.
  struct Site {
    let place: SchemaPlace
    let object: JSONObject
    let resource: Int
    let dialect: SchemaDialect
  }

  var index: SchemaIndex
  var tables = SchemaTables()
  let assertsFormats: Bool
  let assertsContent: Bool
  private var nodeNumbers: [SchemaPlace: SchemaProgram.NodeNumber] = [:]
  private var waiting: [SchemaPlace] = []
  private var nameNumbers: [ExactName: Int32] = [:]
  private var patternNumbers: [ExactName: Int32] = [:]
  private var dynamicReferences: [(anchor: ExactName, fallback: SchemaProgram.NodeNumber)] = []

  init(index: SchemaIndex, assertsFormats: Bool, assertsContent: Bool) {
    self.index = index
    self.assertsFormats = assertsFormats
    self.assertsContent = assertsContent
  }

  /// Compiles the schema at a place and all that it reaches; its node is the first.
  mutating func compile(from root: SchemaPlace) {
    _ = node(at: root)
    repeat {
      while let place = waiting.popLast() { compile(place) }
      enterDynamicTargets()
    } while !waiting.isEmpty
    tables.dynamicTargets = dynamicReferences.map { reference in
      SchemaProgram.DynamicTarget(fallback: reference.fallback, byResource: dynamicTargets(of: reference.anchor))
    }
  }

  /// Every schema with the dynamic anchor may be a target, in whatever resource that was read.
  private mutating func enterDynamicTargets() {
    for reference in dynamicReferences { _ = dynamicTargets(of: reference.anchor) }
  }

  private mutating func dynamicTargets(of anchor: ExactName) -> [Int32: SchemaProgram.NodeNumber] {
    var targets: [Int32: SchemaProgram.NodeNumber] = [:]
    for (number, resource) in index.resources.enumerated() {
      if let place = resource.dynamicAnchors[anchor] { targets[Int32(number)] = node(at: place) }
    }
    return targets
  }

  // MARK: Numbers of things

  mutating func node(at place: SchemaPlace) -> SchemaProgram.NodeNumber {
    if let known = nodeNumbers[place] { return known }
    let number = SchemaProgram.NodeNumber(tables.nodes.count)
    nodeNumbers[place] = number
    tables.nodes.append(SchemaProgram.Node())
    waiting.append(place)
    return number
  }

  mutating func node(_ key: String, of site: Site) -> SchemaProgram.NodeNumber {
    site.object[key] == nil ? SchemaProgram.none : node(at: site.place.appending(.name(key)))
  }

  /// The schemas of an array behind a keyword.
  mutating func nodes(_ key: String, of site: Site) -> SchemaProgram.NodeList {
    let count = site.object[key]?.arrayValue?.count ?? 0
    let place = site.place.appending(.name(key))
    let numbers = (0..<count).map { node(at: place.appending(.index($0))) }
    tables.lists += numbers
    return SchemaProgram.NodeList(first: Int32(tables.lists.count - count), count: Int32(count))
  }

  private mutating func name(_ text: String) -> Int32 {
    let key = ExactName(text)
    if let known = nameNumbers[key] { return known }
    let number = Int32(tables.names.count)
    nameNumbers[key] = number
    tables.names.append(text)
    return number
  }

  /// The number of a pattern; nil, with a problem noted, if it is refused.
  mutating func pattern(_ text: String, at place: SchemaPlace) -> Int32? {
    let key = ExactName(text)
    if let known = patternNumbers[key] { return known }
    do {
      let pattern = try Pattern(parsing: text, syntax: .ecma262)
      let number = Int32(tables.patterns.count)
      patternNumbers[key] = number
      tables.patterns.append(pattern)
      return number
    } catch {
      index.report(.refusedPattern, "the pattern is refused: \(error)", at: place)
      return nil
    }
  }

  mutating func keyword(_ operation: SchemaProgram.Operation, named text: String) -> SchemaProgram.Keyword {
    SchemaProgram.Keyword(operation: operation, name: name(text), ordinal: 0)
  }

  func ordinal(of key: String, in site: Site) -> Int32 {
    Int32(site.object.members.firstIndex { $0.key.isIdentical(to: key) } ?? 0)
  }

  // MARK: One schema

  private mutating func compile(_ place: SchemaPlace) {
    guard let number = nodeNumbers[place].map(Int.init), let value = index.value(at: place) else { return }
    let resource = index.resource(of: place)
    var keywords: [SchemaProgram.Keyword] = []
    switch value {
    case .bool(false): keywords = [SchemaProgram.Keyword(operation: .never, name: name("false"), ordinal: 0)]
    case .object(let object):
      let dialect = index.resources[resource].dialect
      keywords = compile(Site(place: place, object: object, resource: resource, dialect: dialect))
    default: break
    }
    let first = tables.keywords.count
    tables.keywords += keywords
    tables.nodes[number].first = Int32(first)
    tables.nodes[number].end = Int32(tables.keywords.count)
    tables.nodes[number].resource = Int32(resource)
    tables.nodes[number].tracks = keywords.contains { $0.operation.isLate }
  }

  private mutating func compile(_ site: Site) -> [SchemaProgram.Keyword] {
    if site.dialect.draft == .draft7, let reference = site.object["$ref"]?.stringValue {
      return self.reference(reference, key: "$ref", of: site).map { [$0] } ?? []
    }
    var early: [SchemaProgram.Keyword] = []
    var others: [SchemaProgram.Keyword] = []
    var late: [SchemaProgram.Keyword] = []
    var hasMembers = false
    for (ordinal, member) in site.object.members.enumerated() {
      if member.key == "$ref" || member.key == "$dynamicRef" || member.key == "$recursiveRef" {
        if let text = member.value.stringValue, let keyword = reference(text, key: member.key, of: site) {
          others.append(keyword)
        }
        continue
      }
      if Self.memberKeywords.contains(member.key) {
        guard !hasMembers, let operation = members(of: site) else { continue }
        hasMembers = true
        others.append(SchemaProgram.Keyword(operation: operation, name: name("properties"), ordinal: Int32(ordinal)))
        continue
      }
      guard let operation = self.operation(member.key, member.value, of: site) else { continue }
      let keyword = SchemaProgram.Keyword(operation: operation, name: name(member.key), ordinal: Int32(ordinal))
      if operation.isLate {
        late.append(keyword)
      } else if case .type = operation {
        early.append(keyword)
      } else {
        others.append(keyword)
      }
    }
    return early + others + late
  }

  private static let memberKeywords: Set<String> = [
    "properties", "patternProperties", "additionalProperties", "required",
  ]

  private mutating func operation(_ key: String, _ value: JSONValue, of site: Site) -> SchemaProgram.Operation? {
    if site.dialect.has(.validation), let operation = assertion(key, value, of: site) { return operation }
    if site.dialect.has(.applicator), let operation = applicator(key, value, of: site) { return operation }
    if site.dialect.has(.unevaluated), site.dialect.draft != .draft7 {
      if key == "unevaluatedItems" { return .unevaluatedItems(node(key, of: site)) }
      if key == "unevaluatedProperties" { return .unevaluatedProperties(node(key, of: site)) }
    }
    return annotation(key, value, of: site)
  }

  /// Keywords that assert only where that was asked for.
  private func annotation(_ key: String, _ value: JSONValue, of site: Site) -> SchemaProgram.Operation? {
    guard let text = value.stringValue else { return nil }
    if key == "format" {
      let asserts = site.dialect.has(.formatAssertion) || assertsFormats && site.dialect.has(.formatAnnotation)
      return asserts ? SchemaFormat(rawValue: text).map { .format($0) } : nil
    }
    guard assertsContent, site.dialect.has(.content), key == "contentEncoding" || key == "contentMediaType" else {
      return nil
    }
    let isBase64 = site.object["contentEncoding"]?.stringValue == "base64"
    let isJSON = site.object["contentMediaType"]?.stringValue == "application/json"
    guard key == "contentEncoding" ? isBase64 : isJSON else { return nil }
    // An encoding that is not known keeps its content unknown.
    if key == "contentMediaType", !isBase64, site.object["contentEncoding"] != nil { return nil }
    return .content(isBase64: isBase64, isJSON: key == "contentMediaType")
  }

  // MARK: References

  private mutating func reference(_ text: String, key: String, of site: Site) -> SchemaProgram.Keyword? {
    let draft = site.dialect.draft
    guard key == "$ref" || key == (draft == .draft2020 ? "$dynamicRef" : "$recursiveRef"),
      key == "$ref" || draft != .draft7
    else { return nil }
    let place = site.place.appending(.name(key))
    guard let target = index.resolve(text, in: site.resource) else {
      index.report(.unresolvedReference, "the reference \(text) leads to no schema that was given", at: place)
      return nil
    }
    let fallback = node(at: target)
    var operation = SchemaProgram.Operation.reference(fallback)
    if let anchor = dynamicAnchor(text, key: key, target: target, in: site.resource) {
      operation = .dynamicReference(Int32(dynamicReferences.count))
      dynamicReferences.append((anchor, fallback))
    }
    return SchemaProgram.Keyword(operation: operation, name: name(key), ordinal: ordinal(of: key, in: site))
  }

  private mutating func dynamicAnchor(_ text: String, key: String, target: SchemaPlace, in resource: Int) -> ExactName?
  {
    switch key {
    case "$dynamicRef": return index.dynamicAnchor(of: text, in: resource)
    case "$recursiveRef":
      let anchors = index.resources[index.resource(of: target)].dynamicAnchors
      return anchors[SchemaIndex.recursiveAnchor] == target ? SchemaIndex.recursiveAnchor : nil
    default: return nil
    }
  }
}

extension SchemaProgram.Operation {
  /// Whether it looks at what the other keywords of its schema evaluated.
  var isLate: Bool {
    switch self {
    case .unevaluatedItems, .unevaluatedProperties: true
    default: false
    }
  }
}
