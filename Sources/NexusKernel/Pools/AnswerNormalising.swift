// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// Changes to answers before they are compared; the answer that is handed on stays as it was.

extension JSONValue {
  /// With every text in it changed, at any depth; the keys of objects stay.
  func normalised(by changes: [PoolNormaliser]) -> JSONValue {
    switch self {
    case .string(let text): return changes.reduce(.string(text)) { $0.changed(by: $1) }
    case .array(let elements): return .array(elements.map { $0.normalised(by: changes) })
    case .object(let object):
      return .object(
        JSONObject(
          uniqueMembers: object.members.map { .init(key: $0.key, value: $0.value.normalised(by: changes)) }))
    case .null, .bool, .int, .double: return self
    }
  }

  private func changed(by change: PoolNormaliser) -> JSONValue {
    guard case .string(let text) = self else { return self }
    switch change {
    case .whitespace: return .string(text.withSingleSpaces)
    case .lowercase: return .string(text.lowercased())
    case .punctuation: return .string(text.withoutPunctuation)
    case .number: return text.asNumber ?? self
    }
  }
}

extension String {
  fileprivate var withSingleSpaces: String {
    unicodeScalars.split { $0.properties.isWhitespace }.map { String(Substring($0)) }.joined(separator: " ")
  }

  /// Without what Unicode calls punctuation, but for what carries meaning: `% # @ & * / \ _`, and what belongs to a
  /// number (`1.5`, `1,000`, `-3`); otherwise 1.5 would agree with 15.
  fileprivate var withoutPunctuation: String {
    let scalars = Array(unicodeScalars)
    var kept = UnicodeScalarView()
    for (index, scalar) in scalars.enumerated() {
      let before = index > 0 ? scalars[index - 1] : " "
      let after = index + 1 < scalars.count ? scalars[index + 1] : " "
      let isOfNumber =
        switch scalar {
        case ".", ",": before.isDigit && after.isDigit
        case "-": after.isDigit && !before.isDigit && !before.properties.isAlphabetic
        default: false
        }
      if !scalar.isPunctuation || isOfNumber { kept.append(scalar) }
    }
    return String(kept)
  }

  /// The number that the text writes as JSON does; nil if it is something else.
  fileprivate var asNumber: JSONValue? {
    guard let value = try? JSONValue(parsing: self) else { return nil }
    switch value {
    case .int: return value
    case .double:
      // A whole number beyond 64 bits would become its neighbour: two different ids would agree.
      // Spelled out, because JSON has a `nil` of its own.
      return unicodeScalars.allSatisfy { $0.isDigit || $0 == "-" } ? Optional.none : value
    default: return nil
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { properties.generalCategory == .decimalNumber }

  fileprivate var isPunctuation: Bool {
    switch self {
    case "%", "#", "@", "&", "*", "/", "\\", "_": return false
    default: break
    }
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }
}
