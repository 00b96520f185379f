// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics

/// A value of the configuration that has the shape of its place.
struct Shaped: Sendable {
  indirect enum Content: Sendable {
    case text(String, isExternal: Bool)
    case boolean(Bool)
    case integer(Int64)
    case factor(ExactDecimal)
    case duration(Duration)
    case size(Int64)
    case money(NanoUSD)
    case price(PicoUSDPerToken)
    case percentage(Int)
    case budget(BudgetText)
    case list([Shaped])
    case object(Fields)
    case dictionary([ShapedEntry])
    /// What no feature reads yet.
    case raw(YAMLNode)
  }

  var location: SourceLocation
  var content: Content

  var text: String? {
    switch content {
    case .text(let text, _): text
    default: nil
    }
  }

  var fields: Fields? {
    if case .object(let fields) = content { return fields }
    return nil
  }

  var list: [Shaped]? {
    if case .list(let elements) = content { return elements }
    return nil
  }

  var entries: [ShapedEntry]? {
    if case .dictionary(let entries) = content { return entries }
    return nil
  }
}

/// One member of a map with free keys.
struct ShapedEntry: Sendable {
  var key: String
  var keyLocation: SourceLocation
  var value: Shaped
}

/// The members of a map with known keys, under their canonical names.
struct Fields: Sendable {
  struct Field: Sendable {
    /// As the user wrote it.
    var written: String
    var keyLocation: SourceLocation
    var availability: Availability
    /// Nil if the value is wrong; that is reported already.
    var value: Shaped?
  }

  let shape: ObjectShape
  let location: SourceLocation
  private(set) var byName: [String: Field] = [:]
  /// In the order of the file.
  private(set) var order: [String] = []
  /// Keys were left out because nothing knows them; that is reported already.
  var hasUnknownKeys = false

  init(shape: ObjectShape, location: SourceLocation) {
    self.shape = shape
    self.location = location
  }

  mutating func set(_ name: String, _ field: Field) {
    if byName.updateValue(field, forKey: name) == nil { order.append(name) }
  }

  /// The field of that canonical name, which must be a row of the table.
  func field(_ name: String) -> Field? {
    precondition(shape.key(name)?.name == name, "the table of \(shape.title) has no key \(name)")
    return byName[name]
  }

  func value(_ name: String) -> Shaped? { field(name)?.value }
  func has(_ name: String) -> Bool { field(name) != nil }
  func text(_ name: String) -> String? { value(name)?.text }

  func boolean(_ name: String) -> Bool? {
    if case .boolean(let value)? = value(name)?.content { return value }
    return nil
  }

  func integer(_ name: String) -> Int? {
    if case .integer(let value)? = value(name)?.content { return Int(value) }
    return nil
  }

  func duration(_ name: String) -> Duration? {
    if case .duration(let value)? = value(name)?.content { return value }
    return nil
  }

  func factor(_ name: String) -> Double? {
    if case .factor(let value)? = value(name)?.content { return value.double }
    return nil
  }

  func money(_ name: String) -> NanoUSD? {
    if case .money(let value)? = value(name)?.content { return value }
    return nil
  }

  func price(_ name: String) -> PicoUSDPerToken? {
    if case .price(let value)? = value(name)?.content { return value }
    return nil
  }

  func fields(_ name: String) -> Fields? { value(name)?.fields }

  /// The word as one of an enumeration's raw values.
  func word<Word: RawRepresentable<String>>(_ name: String, as type: Word.Type) -> Word? {
    text(name).flatMap(Word.init(rawValue:))
  }
}
