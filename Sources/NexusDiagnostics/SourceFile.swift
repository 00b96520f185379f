// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A file that diagnostics point into.
package struct SourceFile: Sendable, Hashable {
  /// As `SourceLocation.file` names it.
  package let name: String
  package let text: String

  package init(name: String, text: String) {
    self.name = name
    self.text = text
  }

  /// The lines without their breaks, by YAML 1.1's breaks, which are the ones that libyaml counts.
  package var lines: [Substring.UnicodeScalarView] {
    var lines: [Substring.UnicodeScalarView] = []
    let scalars = Substring(text).unicodeScalars
    var start = scalars.startIndex
    var index = start
    while index < scalars.endIndex {
      let scalar = scalars[index]
      let next = scalars.index(after: index)
      guard Self.isBreak(scalar) else {
        index = next
        continue
      }
      lines.append(scalars[start..<index])
      index = scalar == "\r" && next < scalars.endIndex && scalars[next] == "\n" ? scalars.index(after: next) : next
      start = index
    }
    lines.append(scalars[start...])
    return lines
  }

  package static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
    default: false
    }
  }
}
