// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What may stand at a place of the configuration: one alternative for each kind of YAML value.
struct Shape: Sendable {
  var scalar: ScalarShape?
  var sequence: SequenceShape?
  var mapping: MappingShape?

  init(_ scalar: ScalarShape? = nil, sequence: SequenceShape? = nil, mapping: MappingShape? = nil) {
    self.scalar = scalar
    self.sequence = sequence
    self.mapping = mapping
  }

  static func object(_ shape: ObjectShape) -> Shape { Shape(mapping: .object(shape)) }
  static func list(_ element: Shape) -> Shape { Shape(sequence: .list(element)) }
  static func dictionary(_ key: NameRule, _ value: Shape) -> Shape { Shape(mapping: .dictionary(key, value)) }
  /// A map of named objects, or a list of objects with `name`.
  static func collection(_ shape: ObjectShape) -> Shape {
    Shape(sequence: .list(.object(shape)), mapping: .dictionary(.plain, .object(shape)))
  }
  static let anything = Shape(.anything, sequence: .anything, mapping: .anything)
}

indirect enum SequenceShape: Sendable {
  case list(Shape)
  case anything
}

indirect enum MappingShape: Sendable {
  case object(ObjectShape)
  case dictionary(NameRule, Shape)
  case anything
}

/// The type by which a scalar is read.
enum ScalarShape: Sendable, Hashable {
  /// Any text, kept as written.
  case text
  /// Any text, in which no variable is replaced: data, not configuration.
  case literal
  case boolean
  case integer(ClosedRange<Int64>)
  /// A decimal number of at least 1.
  case factor
  /// A part from 0 to 1, or true or false.
  case jitter
  case duration
  /// A duration or one of a few words.
  case durationOr([String])
  case size
  /// Cores, as a number, or a time.
  case processor
  case money
  /// Dollars a million tokens.
  case price
  case percentage
  case budget
  case word([String])
  case name(NameRule)
  case anything
}

/// What a name may look like.
enum NameRule: Sendable, Hashable {
  /// `[a-z][a-z0-9-]{0,63}`, the rule for agents and whatever else is named in the file.
  case plain
  /// A variable of the environment.
  case environment
  /// Whatever is not empty: model names, HTTP headers.
  case free

  static let longest = 64

  func accepts(_ text: String) -> Bool {
    switch self {
    case .plain:
      guard let first = text.utf8.first, text.utf8.count <= Self.longest else { return false }
      let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
      return isLetter(first)
        && text.utf8.allSatisfy {
          isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
        }
    case .environment: return Interpolation.isName(text)
    case .free: return !text.isEmpty && text.utf8.count <= 256 && text.unicodeScalars.allSatisfy { $0.value >= 0x20 }
    }
  }

  /// The same text made to fit, if that is easy.
  func repaired(_ text: String) -> String? {
    guard self == .plain else { return nil }
    let letters = text.lowercased().unicodeScalars.map { scalar -> Character in
      scalar == "_" || scalar == " " || scalar == "." ? "-" : Character(scalar)
    }
    let candidate = String(String(letters).drop { $0 == "-" })
    return candidate != text && accepts(candidate) ? candidate : nil
  }
}

/// Whether a key does what it says in this version.
enum Availability: Sendable, Hashable {
  case now
  /// It would add something; until then it is a warning.
  case later
  /// It would restrict; until it can, whatever it covers is refused.
  case laterAndRestricts
}

/// One key of a map: the row of the table that the decoder, the suggestions, the schema and the reference share.
struct KeySpec: Sendable {
  let name: String
  let aliases: [String]
  let shape: Shape
  let isRequired: Bool
  let availability: Availability
  /// As the reference writes it.
  let defaultText: String?
  let summary: String

  init(
    _ name: String, _ shape: Shape, aliases: [String] = [], required: Bool = false,
    availability: Availability = .now, default defaultText: String? = nil, _ summary: String
  ) {
    self.name = name
    self.shape = shape
    isRequired = required
    self.availability = availability
    self.defaultText = defaultText
    self.summary = summary
    let spelled = Self.snake(name)
    self.aliases = aliases + (spelled == name || aliases.contains(spelled) ? [] : [spelled])
  }

  /// `maxRestarts` → `max_restarts`, `baseURL` → `base_url`.
  private static func snake(_ name: String) -> String {
    var result = ""
    var wasLower = false
    for letter in name {
      if letter.isUppercase, wasLower { result += "_" }
      result += letter.lowercased()
      wasLower = letter.isLowercase
    }
    return result
  }
}

/// The keys of one kind of map.
struct ObjectShape: Sendable {
  let title: String
  let keys: [KeySpec]
  /// Takes keys that begin with `x-` and ignores them: a place for anchors.
  let allowsExtensions: Bool
  /// The place in `keys` of every name and alias.
  private let index: [String: Int]

  init(_ title: String, allowsExtensions: Bool = false, _ keys: [KeySpec]) {
    self.title = title
    self.keys = keys
    self.allowsExtensions = allowsExtensions
    var index: [String: Int] = [:]
    for (place, key) in keys.enumerated() {
      for name in [key.name] + key.aliases {
        let other = index.updateValue(place, forKey: name)
        precondition(other == nil, "\(title) has two keys that are written \(name)")
      }
    }
    self.index = index
  }

  /// The key of that name or alias.
  func key(_ written: String) -> KeySpec? { index[written].map { keys[$0] } }
}
