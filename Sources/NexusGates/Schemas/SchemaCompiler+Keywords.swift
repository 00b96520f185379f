// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension SchemaCompiler {
  // MARK: Assertions

  /// The keywords of the vocabulary "validation".
  mutating func assertion(_ key: String, _ value: JSONValue, of site: Site) -> SchemaProgram.Operation? {
    if let operation = numberAssertion(key, value) { return operation }
    switch key {
    case "type":
      let names = value.arrayValue ?? [value]
      var types = SchemaTypeSet()
      for (name, type) in SchemaTypeSet.named where names.contains(.string(name)) { types.insert(type) }
      return types.isEmpty ? nil : .type(types)
    case "const":
      tables.values.append(value)
      return .const(Int32(tables.values.count - 1))
    case "enum":
      guard let values = value.arrayValue else { return nil }
      tables.enumerations.append(SchemaEnumeration(values))
      return .enumeration(Int32(tables.enumerations.count - 1))
    case "pattern":
      guard let text = value.stringValue else { return nil }
      return pattern(text, at: site.place.appending(.name(key))).map { .pattern($0) }
    case "minLength": return Self.count(value).map { .minLength($0) }
    case "maxLength": return Self.count(value).map { .maxLength($0) }
    case "minItems": return Self.count(value).map { .minItems($0) }
    case "maxItems": return Self.count(value).map { .maxItems($0) }
    case "minProperties": return Self.count(value).map { .minProperties($0) }
    case "maxProperties": return Self.count(value).map { .maxProperties($0) }
    case "uniqueItems": return value.boolValue == true ? .uniqueItems : nil
    case "dependentRequired":
      guard site.dialect.draft != .draft7 else { return nil }
      return dependentRequired(value)
    default: return nil
    }
  }

  private mutating func numberAssertion(_ key: String, _ value: JSONValue) -> SchemaProgram.Operation? {
    let make: (Int32) -> SchemaProgram.Operation
    switch key {
    case "minimum": make = { .minimum($0) }
    case "maximum": make = { .maximum($0) }
    case "exclusiveMinimum": make = { .exclusiveMinimum($0) }
    case "exclusiveMaximum": make = { .exclusiveMaximum($0) }
    case "multipleOf": make = { .multipleOf($0) }
    default: return nil
    }
    guard let number = SchemaNumber(value) else { return nil }
    tables.numbers.append(number)
    return make(Int32(tables.numbers.count - 1))
  }

  /// A count, also one written as `2.0` or too large to be reached.
  static func count(_ value: JSONValue) -> Int? {
    switch value {
    case .int(let number) where number >= 0: Int(number)
    case .double(let number) where number >= 0: Int(exactly: number.rounded(.down)) ?? .max
    default: nil
    }
  }

  private mutating func dependentRequired(_ value: JSONValue) -> SchemaProgram.Operation? {
    guard let object = value.objectValue else { return nil }
    tables.requirements.append(
      object.members.compactMap { member in
        guard let names = member.value.arrayValue else { return nil }
        return SchemaProgram.Dependency(name: member.key, dependent: names.compactMap(\.stringValue))
      })
    return .dependentRequired(Int32(tables.requirements.count - 1))
  }

  // MARK: Applicators

  /// The keywords of the vocabulary "applicator" but those of members.
  mutating func applicator(_ key: String, _ value: JSONValue, of site: Site) -> SchemaProgram.Operation? {
    if let operation = arrayApplicator(key, value, of: site) { return operation }
    switch key {
    case "allOf": return .allOf(nodes(key, of: site))
    case "anyOf": return .anyOf(nodes(key, of: site))
    case "oneOf": return .oneOf(nodes(key, of: site))
    case "not": return .not(node(key, of: site))
    case "if":
      return .conditional(
        node("if", of: site), then: node("then", of: site), otherwise: node("else", of: site))
    case "propertyNames": return .propertyNames(node(key, of: site))
    case "dependentSchemas":
      guard site.dialect.draft != .draft7 else { return nil }
      return dependentSchemas(value, key: key, of: site)
    case "dependencies": return dependencies(value, key: key, of: site)
    default: return nil
    }
  }

  private mutating func arrayApplicator(_ key: String, _ value: JSONValue, of site: Site)
    -> SchemaProgram.Operation?
  {
    switch key {
    case "prefixItems" where site.dialect.draft == .draft2020: return .prefixItems(nodes(key, of: site))
    case "items":
      if site.dialect.draft == .draft2020 {
        return .items(node(key, of: site), from: Int32(site.object["prefixItems"]?.arrayValue?.count ?? 0))
      }
      return value.arrayValue == nil ? .items(node(key, of: site), from: 0) : .prefixItems(nodes(key, of: site))
    case "additionalItems" where site.dialect.draft != .draft2020:
      guard let first = site.object["items"]?.arrayValue else { return nil }
      return .items(node(key, of: site), from: Int32(first.count))
    case "contains":
      let counts = site.dialect.draft != .draft7 && site.dialect.has(.validation)
      let least = counts ? site.object["minContains"].flatMap(Self.count) : nil
      let most = counts ? site.object["maxContains"].flatMap(Self.count) : nil
      return .contains(
        node(key, of: site), least: least ?? 1, most: most ?? .max, marks: site.dialect.draft == .draft2020)
    default: return nil
    }
  }

  private mutating func dependentSchemas(_ value: JSONValue, key: String, of site: Site)
    -> SchemaProgram.Operation?
  {
    guard let object = value.objectValue else { return nil }
    let place = site.place.appending(.name(key))
    let dependencies = object.members.map { member in
      SchemaProgram.Dependency(name: member.key, dependent: node(at: place.appending(.name(member.key))))
    }
    tables.dependentSchemas.append(dependencies)
    return .dependentSchemas(Int32(tables.dependentSchemas.count - 1))
  }

  /// Draft-07's `dependencies`, kept for compatibility in later drafts: names for one member, a schema for another.
  private mutating func dependencies(_ value: JSONValue, key: String, of site: Site) -> SchemaProgram.Operation? {
    guard let object = value.objectValue else { return nil }
    let place = site.place.appending(.name(key))
    var dependencies: [SchemaProgram.Dependency<SchemaProgram.NodeNumber>] = []
    for member in object.members {
      if case .array(let names) = member.value {
        // A list of names is the schema that requires them.
        let plan = MembersPlan(properties: [], required: names.compactMap(\.stringValue))
        dependencies.append(SchemaProgram.Dependency(name: member.key, dependent: requiring(plan, of: site)))
      } else {
        let number = node(at: place.appending(.name(member.key)))
        dependencies.append(SchemaProgram.Dependency(name: member.key, dependent: number))
      }
    }
    tables.dependentSchemas.append(dependencies)
    return .dependentSchemas(Int32(tables.dependentSchemas.count - 1))
  }

  // MARK: Members

  /// The four keywords that one walk over the members answers.
  mutating func members(of site: Site) -> SchemaProgram.Operation? {
    var properties: [(name: String, node: SchemaProgram.NodeNumber)] = []
    var required: [String] = []
    let applies = site.dialect.has(.applicator)
    if applies, let object = site.object["properties"]?.objectValue {
      let place = site.place.appending(.name("properties"))
      properties = object.members.map { ($0.key, node(at: place.appending(.name($0.key)))) }
    }
    if site.dialect.has(.validation), let names = site.object["required"]?.arrayValue {
      required = names.compactMap(\.stringValue)
    }
    var plan = MembersPlan(properties: properties, required: required)
    plan.propertiesOrdinal = ordinal(of: "properties", in: site)
    plan.patternsOrdinal = ordinal(of: "patternProperties", in: site)
    plan.additionalOrdinal = ordinal(of: "additionalProperties", in: site)
    plan.requiredOrdinal = ordinal(of: "required", in: site)
    if applies {
      plan.additional = node("additionalProperties", of: site)
      plan.rules = rules(of: site)
    }
    guard !plan.entries.isEmpty || !plan.rules.isEmpty || plan.additional != SchemaProgram.none else { return nil }
    tables.plans.append(plan)
    return .members(Int32(tables.plans.count - 1))
  }

  private mutating func rules(of site: Site) -> [MembersPlan.Rule] {
    guard let object = site.object["patternProperties"]?.objectValue else { return [] }
    let place = site.place.appending(.name("patternProperties"))
    var rules: [MembersPlan.Rule] = []
    for (ordinal, member) in object.members.enumerated() {
      let memberPlace = place.appending(.name(member.key))
      guard let pattern = pattern(member.key, at: memberPlace) else { continue }
      rules.append(MembersPlan.Rule(pattern: pattern, node: node(at: memberPlace), ordinal: Int32(ordinal)))
    }
    return rules
  }

  /// A schema that stands nowhere and requires some members.
  private mutating func requiring(_ plan: MembersPlan, of site: Site) -> SchemaProgram.NodeNumber {
    tables.plans.append(plan)
    let keyword = keyword(.members(Int32(tables.plans.count - 1)), named: "required")
    tables.keywords.append(keyword)
    let end = Int32(tables.keywords.count)
    tables.nodes.append(SchemaProgram.Node(first: end - 1, end: end, resource: Int32(site.resource)))
    return SchemaProgram.NodeNumber(tables.nodes.count - 1)
  }
}
