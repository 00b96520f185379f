// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// One step on the way to a value inside another.
package enum PathPart: Sendable, Hashable {
  case name(String)
  case index(Int)

  package static func == (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.name(let left), .name(let right)): left.isIdentical(to: right)
    case (.index(let left), .index(let right)): left == right
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .name(let name): for byte in name.utf8 { hasher.combine(byte) }
    case .index(let index): hasher.combine(index)
    }
  }
}

extension [PathPart] {
  /// The path as a JSON Pointer (RFC 6901).
  package var pointer: String {
    var text = ""
    for part in self {
      text += "/"
      switch part {
      case .index(let index): text += String(index)
      case .name(let name):
        for scalar in name.unicodeScalars {
          switch scalar {
          case "~": text += "~0"
          case "/": text += "~1"
          default: text.unicodeScalars.append(scalar)
          }
        }
      }
    }
    return text
  }

  /// Before the other in the order of pointers: a parent before its children, names by their bytes, places by number.
  func precedes(_ other: [PathPart]) -> Bool? {
    for (left, right) in zip(self, other) where left != right {
      switch (left, right) {
      case (.index(let left), .index(let right)): return left < right
      case (.name(let left), .name(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
      case (.index, .name): return true
      case (.name, .index): return false
      }
    }
    return count == other.count ? nil : count < other.count
  }
}

/// A place in a document: its number and the path to it.
struct SchemaPlace: Hashable {
  let document: Int
  let path: [PathPart]

  func appending(_ part: PathPart) -> SchemaPlace { SchemaPlace(document: document, path: path + [part]) }
}

/// A text told apart by its bytes, for keys of dictionaries: `String` compares by canonical equivalence.
struct ExactName: Hashable {
  let bytes: [UInt8]
  init(_ text: some StringProtocol) { bytes = Array(text.utf8) }
}

extension JSONValue {
  /// The value behind one part of a path.
  subscript(part: PathPart) -> JSONValue? {
    switch (self, part) {
    case (.object(let object), .name(let name)): return object[name]
    case (.array(let elements), .index(let index)):
      return elements.indices.contains(index) ? elements[index] : nil
    default: return nil
    }
  }
}
